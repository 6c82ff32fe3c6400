// `ouroboros participant`: manages the participants. A participant is a consumer on the hook stream and an entry in a
// bucket. The consumer is created first and deleted last, so that no run waits for a participant that receives no
// events. participant-set.ts and participant-test.ts have the other commands.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { natsErrors } from "../../shared/catalogue/nats-errors.ts";
import { type ConsumerInfo, JetStreamApiError } from "@nats-io/jetstream";
import { isConflict } from "../../shared/nats/jetstream.ts";
import type { Participant } from "../../shared/contract/participants.ts";
import { BUCKETS, STREAMS, consumers, subjects } from "../../shared/contract/subjects.ts";
import { ensureConsumer, hookConsumer, noticesConsumer } from "../../shared/nats/durable-consumers.ts";
import { ensureTopology, isHub } from "../../shared/nats/topology.ts";
import type { ParticipantVerdict } from "../output/output-schemas.ts";

import { type Fleet, falseWhereMissing, isMissing, openFleet, withNats } from "../fleet/fleet.ts";
import { readStoredEntry, requireParticipant, listParticipants } from "../fleet/participant-entries.ts";
import { expectCoherent } from "./participant-change.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { readRecordsSince } from "../fleet/read-journal.ts";
import { type Cell, type Terminal, printFields, printJson, printTable } from "../framework/terminal.ts";
import { formatAgo, formatDuration, formatDurationArgument } from "../../shared/runtime/time-text.ts";

const HOUR = 3_600_000;

/** Creates streams and buckets if no updater has done so yet; those of a hub are created by `nats-config hub`. */
export const withPreparedFleet = <T>(terminal: Terminal, work: (fleet: Fleet) => Promise<T>): Promise<T> =>
  withNats(terminal, async (nats, settings) => {
    const fleet = await openFleet(nats, settings);
    if (!(await isHub(fleet.manager)) && !(await isLeaf(fleet))) await ensureTopology(nats, fleet.manager);
    return work(fleet);
  });

/** @throws NotDone on a leaf node, whose participants are a mirror of its hub's. */
export async function rejectLeafNode(fleet: Fleet): Promise<void> {
  if (await isLeaf(fleet)) throw new NotDone(messageOf(natsErrors.leafHasNoParticipants, { url: fleet.url }));
}

async function isLeaf({ manager }: Fleet): Promise<boolean> {
  const found = await manager.streams.info(`KV_${BUCKETS.participants}`).catch(() => undefined);
  return found?.config.mirror !== undefined;
}

export const runAdd: CommandRunner<"participant add"> = async (given, terminal) => {
  const { NAME: name, hooks, hosts, timeout, max = Math.max(HOUR, timeout), json } = given;
  const entry: Participant = {
    ...{ hooks, hosts },
    timeout_ms: timeout,
    max_ms: max,
    on_timeout: given["on-timeout"],
    ...givenPolicy(given),
  };
  expectCoherent(entry);
  await withPreparedFleet(terminal, async (fleet) => {
    await rejectLeafNode(fleet);
    await createParticipant(fleet, name, entry);
  });
  if (json) printJson(terminal, { name, ...entry });
  else
    terminal.stdout.write(
      `${name} added; it takes its events from ${consumers.gate(name)} of ${STREAMS.hooks}\n`,
    );
  return 0;
};

/** Only the given options: an entry has no more fields than its operator set. */
function givenPolicy({
  containers,
  labels,
  advisory,
  group,
  needs,
  hears,
  "by-digest": byDigest,
}: Parameters<CommandRunner<"participant add">>[0]) {
  return {
    ...(containers && { containers }),
    ...(labels && { labels }),
    ...(advisory && { advisory }),
    ...(group !== undefined && { group }),
    ...(needs !== undefined && { needs }),
    ...(hears && { hears }),
    ...(byDigest && { by_digest: true as const }),
  };
}

export const runList: CommandRunner<"participant list"> = async ({ json }, terminal) => {
  const all = await withPreparedFleet(terminal, listParticipants);
  if (json) printJson(terminal, all);
  else
    printTable(
      terminal,
      ["NAME", "HOOKS", "HOSTS", "TIMEOUT", "MAX", "ON TIMEOUT"],
      all.map((participant): Cell[] => {
        if ("unreadable" in participant)
          return [participant.name, { text: `unreadable: ${participant.unreadable}`, colour: "red" }];
        const { name, hooks, hosts, timeout_ms, max_ms, on_timeout } = participant;
        return [
          name,
          hooks.join(","),
          hosts.join(","),
          formatDurationArgument(timeout_ms),
          formatDurationArgument(max_ms),
          on_timeout,
        ];
      }),
    );
  return 0;
};

export const runRemove: CommandRunner<"participant remove"> = async ({ NAME, json }, terminal) => {
  await withPreparedFleet(terminal, async (fleet) => {
    await rejectLeafNode(fleet);
    if ((await readStoredEntry(fleet, NAME)) === undefined) await requireParticipant(fleet, NAME);
    await fleet.participants.delete(NAME);
    for (const durable of [consumers.gate(NAME), consumers.notices(NAME)])
      await fleet.manager.consumers.delete(STREAMS.hooks, durable).catch(falseWhereMissing);
  });
  if (json) printJson(terminal, { removed: NAME });
  else terminal.stdout.write(`${NAME} removed\n`);
  return 0;
};

export const runShow: CommandRunner<"participant show"> = async ({ NAME, json }, terminal) => {
  const now = terminal.clock.now();
  const shown = await withPreparedFleet(terminal, async (fleet) => {
    const { participant, added } = await requireParticipant(fleet, NAME);
    const info = await findConsumer(fleet, NAME);
    return {
      ...participant,
      added,
      consumer: info === undefined ? null : consumerState(info),
      answers: await listLastVerdicts(fleet, NAME, now),
    };
  });
  if (json) printJson(terminal, shown);
  else {
    const { consumer, answers } = shown;
    terminal.stdout.write(`${shown.name}, added ${formatAgo(shown.added, now)}\n`);
    printFields(terminal, [
      ["hooks", shown.hooks.join(", ")],
      ["hosts", shown.hosts.join(", ")],
      [
        "waited for",
        `${formatDurationArgument(shown.timeout_ms)}, at most ${formatDurationArgument(shown.max_ms)}; then ${shown.on_timeout}`,
      ],
      ...policyFields(shown),
      [
        "listens",
        consumer === null ? { text: "its consumer is missing", colour: "red" } : listeningText(consumer, now),
      ],
    ]);
    if (answers.length > 0) terminal.stdout.write("\n");
    const rows = answers.map(({ at, host, hook, container, verdict, timed_out, ms, reason }) => [
      ...[formatAgo(at, now), host, hook, container ?? "(the run)", verdict],
      ...[timed_out === true ? "out of time" : formatDuration(ms), reason ?? ""],
    ]);
    if (answers.length > 0)
      printTable(terminal, ["WHEN", "HOST", "HOOK", "CONTAINER", "VERDICT", "TOOK", "REASON"], rows);
  }
  return 0;
};

type ConsumerState = ReturnType<typeof consumerState>;

const listeningText = (
  { pulls, undelivered, unacknowledged, last_delivered }: ConsumerState,
  now: number,
): string =>
  [
    pulls > 0 ? "yes" : "not at this moment",
    `${undelivered} undelivered`,
    `${unacknowledged} unacknowledged`,
    last_delivered === null ? "nothing delivered yet" : `last delivered ${formatAgo(last_delivered, now)}`,
  ].join(", ");

export const consumerState = (info: ConsumerInfo) => ({
  name: info.name,
  pulls: info.num_waiting,
  undelivered: info.num_pending,
  unacknowledged: info.num_ack_pending,
  last_delivered: timeOf(info.delivered.last_active),
  last_acknowledged: timeOf(info.ack_floor.last_active),
});

/** The server sends `last_active` as text, although the client's type says number. */
const timeOf = (active: unknown): string | null =>
  typeof active === "string" ? new Date(active).toISOString() : null;

export const findConsumer = (
  { manager }: Fleet,
  name: string,
  durable = consumers.gate(name),
): Promise<ConsumerInfo | undefined> =>
  manager.consumers.info(STREAMS.hooks, durable).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });

const VERDICTS_SINCE_MS = 30 * 24 * HOUR;
const MAX_VERDICTS = 5;

/** The last verdicts of a participant in the journals of the last thirty days, the newest first. */
export async function listLastVerdicts(
  fleet: Fleet,
  participant: string,
  now: number,
): Promise<ParticipantVerdict[]> {
  const found: ParticipantVerdict[] = [];
  for await (const record of readRecordsSince(fleet, "decided", { since: now - VERDICTS_SINCE_MS })) {
    const { at, host, event, hook, container } = record;
    for (const { participant: name, ...verdict } of record.verdicts)
      if (name === participant) found.unshift({ at, host, event, hook, container, ...verdict });
  }
  return found.slice(0, MAX_VERDICTS);
}

/** The filter subjects of a participant's consumer. */
export const consumerFilters = ({ hooks, hosts }: Participant): string[] =>
  hooks.flatMap((hook) => hosts.map((host) => subjects.hooksOf(host === "*" ? null : host, hook)));

/** Makes, changes or removes the consumer by which the participant gets notices. */
export async function fitNoticesConsumer(
  { manager }: Fleet,
  name: string,
  { hosts, hears = [] }: Participant,
): Promise<void> {
  if (hears.length > 0) await ensureConsumer(manager, STREAMS.hooks, noticesConsumer(name, hosts, hears));
  else await manager.consumers.delete(STREAMS.hooks, consumers.notices(name)).catch(falseWhereMissing);
}

/** @throws NotDone where the name is taken. */
async function createParticipant(fleet: Fleet, name: string, participant: Participant): Promise<void> {
  const taken = new NotDone(messageOf(commandErrors.nameTaken, { name }));
  if ((await fleet.participants.get(name))?.operation === "PUT") throw taken;
  const consumer = hookConsumer(consumers.gate(name), consumerFilters(participant), { max_ack_pending: 16 });
  await ensureConsumer(fleet.manager, STREAMS.hooks, consumer);
  await fitNoticesConsumer(fleet, name, participant);
  await fleet.participants.create(name, JSON.stringify(participant)).catch((error: unknown) => {
    throw error instanceof JetStreamApiError && isConflict(error) ? taken : error;
  });
}

function policyFields({
  containers,
  labels,
  advisory,
  group,
  needs,
  hears = [],
  by_digest,
}: Participant): [string, string][] {
  return [
    ...(by_digest === true
      ? [["by digest", "its verdict is what `ouroboros approve` or `refuse` said"] as [string, string]]
      : []),
    ...(hears.length > 0 ? [["hears", hears.join(", ")] as [string, string]] : []),
    ...(containers ? [["containers", containers.join(", ")] as [string, string]] : []),
    ...(labels ? [["labels", labels.join(", ")] as [string, string]] : []),
    ...(advisory === true ? [["advisory", "its verdict decides nothing"] as [string, string]] : []),
    ...(group === undefined ? [] : [["group", `${group}, needs ${needs ?? "all"}`] as [string, string]]),
  ];
}
