// `ouroboros verdict`: lets the operator decide a pending event without waiting for the participants.
import { NotDone, WrongUsage } from "../../shared/errors.ts";
import { hooks } from "../../shared/contract/hooks.ts";
import { publish } from "../../shared/nats/jetstream.ts";
import type { Verdict } from "../../shared/contract/messages.ts";
import { OPERATOR } from "../../shared/contract/participants.ts";
import { subjects } from "../../shared/contract/subjects.ts";

import { type Fleet, askService, selectHosts, withFleet } from "../fleet/fleet.ts";
import { followRun } from "../fleet/run-progress.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import { findUndecidedRecords } from "./pending.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type RecordOf, hookText, findDecision } from "../fleet/read-journal.ts";
import { type Terminal, sanitize, printJson } from "../framework/terminal.ts";

/** How long the updater may take to decide. */
const DECIDED_WITHIN_MS = 15_000;

type WaitingRecord = RecordOf<"waiting">;

export const runVerdict: CommandRunner<"verdict"> = async (given, terminal) => {
  const { EVENT, VERDICT, reason, "retry-after": retryAfter, host, json } = given;
  if (reason === undefined && VERDICT !== "proceed")
    throw new WrongUsage(`--reason is missing: say why to ${VERDICT}`);
  if (retryAfter !== undefined && VERDICT !== "defer")
    throw new WrongUsage("--retry-after goes with defer only");
  const operatorVerdict: Verdict = {
    verdict: VERDICT,
    ...(reason !== undefined && { reason }),
    ...(retryAfter !== undefined && { retry_after_s: retryAfter / 1000 }),
  };
  const decided = await withFleet(terminal, async (fleet) => {
    const pending = await findPendingEvent(fleet, EVENT, await selectHosts(fleet, host));
    if (hooks[pending.hook].refusal === null && VERDICT !== "proceed")
      throw new NotDone(`${pending.hook} can be neither refused nor deferred; proceed ends the wait`);
    return publishVerdict(fleet, pending, operatorVerdict, terminal);
  });
  const { event, hook, container, verdict, by = null, reason: why = null } = decided;
  if (json) printJson(terminal, { event, host: decided.host, hook, container, verdict, by, reason: why });
  else
    terminal.stdout.write(
      `${sanitize(`${hookText(decided)} on ${decided.host}: ${verdict} by ${by ?? "all"}${why ? `: ${why}` : ""}`)}\n`,
    );
  if (by === OPERATOR) return 0;
  throw new NotDone("it was decided before this verdict came, which has no effect");
};

async function publishVerdict(
  fleet: Fleet,
  pending: WaitingRecord,
  verdict: Verdict,
  { clock, signal }: Terminal,
): Promise<RecordOf<"decided">> {
  const { host, event, run } = pending;
  await publish(
    { js: fleet.js, clock, signal: clock.deadline(5000, signal) },
    { subject: subjects.verdict(host, OPERATOR, event), body: verdict },
  );
  const limits = { clock, signal: clock.deadline(DECIDED_WITHIN_MS, signal) };
  for await (const record of followRun(fleet, { host, run }, limits))
    if (record.kind === "decided" && record.event === event) return record;
  const updater = await askService(fleet, host, ["updater", "status"]);
  throw new NotDone(
    updater === undefined
      ? `the verdict is stored, but no updater acts on ${host}; it counts when one does`
      : `the verdict is stored, but the updater of ${host} has not decided within ${DECIDED_WITHIN_MS / 1000} s`,
  );
}

/**
 * Finds a pending event by its id, by a container with a single pending event, or by the first characters of the id.
 */
async function findPendingEvent(
  fleet: Fleet,
  idOrContainer: string,
  hosts: readonly string[],
): Promise<WaitingRecord> {
  const all = (await Promise.all(hosts.map((host) => findUndecidedRecords(fleet, host)))).flat();
  const ways: readonly ((record: WaitingRecord) => boolean)[] = [
    ({ event }) => event === idOrContainer,
    ({ container }) => container === idOrContainer,
    ({ event }) => event.startsWith(idOrContainer),
  ];
  for (const isMatch of ways) {
    const found = all.filter(isMatch);
    if (found.length > 1)
      throw new NotDone(
        `${idOrContainer} may be any of these; name one:\n${found.map(eventLine).join("\n")}`,
      );
    if (found[0] !== undefined) return found[0];
  }
  const decided = await findDecision(fleet, idOrContainer, hosts);
  if (decided !== undefined) {
    const { verdict, by, reason } = decided;
    throw new NotDone(
      `${idOrContainer} was decided already: ${verdict} by ${by ?? "all"}${reason ? `: ${sanitize(reason)}` : ""}`,
    );
  }
  if (all.length === 0) throw new NotDone(`no event ${idOrContainer} is pending`);
  const names = all.flatMap(({ event, container }) => [event, ...(container === null ? [] : [container])]);
  const near =
    didYouMean(idOrContainer, names) ||
    `; \`ouroboros pending\` lists them:\n${all.map(eventLine).join("\n")}`;
  throw new NotDone(`no event ${idOrContainer} is pending${near}`);
}

const eventLine = (record: WaitingRecord): string =>
  `  ${record.event}  (${hookText(record)} on ${record.host})`;
