// `ouroboros participant test`: finds what keeps a participant from answering, and says what to do. It publishes no
// test event, because everyone who receives an event takes it for real.
import type { ConsumerInfo } from "@nats-io/jetstream";
import { DeliverPolicy } from "@nats-io/jetstream";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import type {
  ParticipantVerdict,
  NamedParticipant,
  ParticipantTestResult,
} from "../output/output-schemas.ts";
import { type Fleet, listHosts } from "../fleet/fleet.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import { findConsumer, consumerFilters, listLastVerdicts, withPreparedFleet } from "./participant.ts";
import { requireParticipant } from "../fleet/participant-entries.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, sanitize, paint, printJson } from "../framework/terminal.ts";
import { formatAgo } from "../../shared/runtime/time-text.ts";

type ParticipantCheck = ParticipantTestResult["checks"][number];

export const runTest: CommandRunner<"participant test"> = async ({ NAME, wait, json }, terminal) => {
  const checks = await withPreparedFleet(terminal, async (fleet) => {
    const { participant } = await requireParticipant(fleet, NAME);
    const info = await waitUntilPulling(fleet, NAME, wait, terminal);
    const heard = await findConsumer(fleet, NAME, consumers.notices(NAME));
    const now = terminal.clock.now();
    return [
      hostsCheck(participant, await listHosts(fleet)),
      ...(info === undefined ? [missingConsumerCheck(NAME)] : consumerChecks(participant, info, now)),
      ...((participant.hears ?? []).length > 0 ? [hearsCheck(participant, heard)] : []),
      answersCheck(await listLastVerdicts(fleet, NAME, now), now),
    ];
  });
  const tested: ParticipantTestResult = { name: NAME, fine: checks.every(({ fine }) => fine), checks };
  if (json) printJson(terminal, tested);
  else for (const check of checks) printCheck(terminal, check);
  return tested.fine ? 0 : 1;
};

const LOOK_AGAIN_MS = 200;

/** A participant that pulls at intervals has no open request at every moment. */
async function waitUntilPulling(
  fleet: Fleet,
  name: string,
  wait: number,
  { clock, signal }: Terminal,
): Promise<ConsumerInfo | undefined> {
  const startedAt = clock.monotonic();
  for (;;) {
    const info = await findConsumer(fleet, name);
    const isOver = clock.monotonic() - startedAt >= wait || signal.aborted;
    if (info === undefined || info.num_waiting > 0 || isOver) return info;
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}

function hostsCheck({ name, hosts }: NamedParticipant, known: readonly string[]): ParticipantCheck {
  const unknown = hosts.filter((host) => host !== "*" && !known.includes(host));
  const check = "its hosts are there";
  if (unknown.length === 0)
    return { check, fine: true, found: hosts.includes("*") ? "all hosts" : hosts.join(", ") };
  const hints = unknown.map((host) => `${host}${didYouMean(host, known)}`);
  return {
    check,
    fine: false,
    found: `no poller or updater is known on ${hints.join(", ")}`,
    advice: `\`ouroboros participant set ${name} --hosts ...\` with the names that \`ouroboros status\` shows`,
  };
}

const missingConsumerCheck = (name: string): ParticipantCheck => ({
  check: "its consumer is there",
  fine: false,
  found: `${consumers.gate(name)} of ${STREAMS.hooks} is missing: it gets no events, and updates wait for it all the same`,
  advice: setAdvice(name),
});

const setAdvice = (name: string): string =>
  `\`ouroboros participant set ${name}\` brings its consumer in line with its entry`;

const addAgainAdvice = (name: string): string =>
  `\`ouroboros participant remove ${name}\`, then add it again: that makes a new consumer`;

function consumerChecks(participant: NamedParticipant, info: ConsumerInfo, now: number): ParticipantCheck[] {
  return [
    { check: "its consumer is there", fine: true, found: info.name },
    filterCheck(participant, info),
    settingsCheck(participant, info),
    pullCheck(info, now),
    backlogCheck(participant, info),
  ];
}

function filterCheck(participant: NamedParticipant, { config }: ConsumerInfo): ParticipantCheck {
  const wanted = consumerFilters(participant).sort();
  const actual = [
    ...(config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : [])),
  ].sort();
  const check = "it gets the events it is asked about";
  return JSON.stringify(wanted) === JSON.stringify(actual)
    ? { check, fine: true, found: actual.join(", ") }
    : {
        check,
        fine: false,
        found: `its consumer gets ${actual.join(", ") || "everything"}, its entry says ${wanted.join(", ")}`,
        advice: setAdvice(participant.name),
      };
}

function settingsCheck({ name }: NamedParticipant, { config }: ConsumerInfo): ParticipantCheck {
  const check = "its consumer loses nothing";
  const faults = [
    config.deliver_subject !== undefined && "it pushes, where a pull consumer is needed",
    config.ack_policy !== "explicit" && `its ack policy is ${config.ack_policy}, not explicit`,
    config.deliver_policy !== DeliverPolicy.New && `it delivers ${config.deliver_policy}, not new`,
    (config.max_deliver ?? -1) > 0 && `it gives up after ${config.max_deliver ?? 0} deliveries`,
  ].filter((fault) => fault !== false);
  return faults.length === 0
    ? { check, fine: true, found: "pull, explicit acknowledgement, delivered until it is acknowledged" }
    : { check, fine: false, found: faults.join(", "), advice: addAgainAdvice(name) };
}

function pullCheck({ num_waiting, delivered }: ConsumerInfo, now: number): ParticipantCheck {
  const check = "it listens";
  if (num_waiting > 0) return { check, fine: true, found: `${num_waiting} open requests for events` };
  const active: unknown = delivered.last_active;
  const last =
    typeof active === "string"
      ? `the last event was fetched ${formatAgo(active, now)}`
      : "no event was ever fetched";
  return {
    check,
    fine: false,
    found: `no program fetches its events; ${last}`,
    advice: "start the participant; if it runs, see whether it reaches NATS and pulls from this consumer",
  };
}

function backlogCheck(
  _: NamedParticipant,
  { num_pending, num_ack_pending, num_redelivered }: ConsumerInfo,
): ParticipantCheck {
  const check = "it keeps up";
  const found = `${num_pending} undelivered, ${num_ack_pending} unacknowledged, ${num_redelivered} of them delivered again`;
  return num_redelivered === 0
    ? { check, fine: true, found }
    : {
        check,
        fine: false,
        found,
        advice:
          "it takes events and does not acknowledge them: it stops half-way, or must say `in progress` while it works",
      };
}

function hearsCheck(
  { name, hears = [] }: NamedParticipant,
  info: ConsumerInfo | undefined,
): ParticipantCheck {
  const check = "it gets the notices it hears";
  if (info === undefined)
    return {
      check,
      fine: false,
      found: `${consumers.notices(name)} of ${STREAMS.hooks} is missing: it gets no notice`,
      advice: setAdvice(name),
    };
  const found = `${hears.join(", ")}: ${info.num_pending} undelivered, ${info.num_ack_pending} unacknowledged`;
  return { check, fine: true, found };
}

function answersCheck(answers: readonly ParticipantVerdict[], now: number): ParticipantCheck {
  const check = "it answers in time";
  const [last] = answers;
  if (last === undefined) return { check, fine: true, found: "it was not asked in the last 30 days" };
  const late = answers.filter(({ timed_out }) => timed_out === true).length;
  const found = `${answers.length - late} of the last ${answers.length} times, last asked ${formatAgo(last.at, now)}`;
  return last.timed_out !== true
    ? { check, fine: true, found }
    : {
        check,
        fine: false,
        found: `${found}: ${last.reason ?? "out of time"}`,
        advice:
          "publish the verdict on the event's verdictsubject, with this name filled in; progress on its progresssubject",
      };
}

function printCheck(terminal: Terminal, { check, fine, found, advice }: ParticipantCheck): void {
  const mark = fine ? paint(terminal, "ok   ", "green") : paint(terminal, "WRONG", "red");
  terminal.stdout.write(`${mark}  ${check}: ${sanitize(found)}\n`);
  if (advice !== undefined) terminal.stdout.write(`       -> ${advice}\n`);
}
