// `ouroboros verdict`: lets the operator decide a pending event without waiting for the participants.
import { NotDone, WrongUsage } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { usageErrors } from "../../shared/catalogue/usage-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { hooks } from "../../shared/contract/hooks.ts";
import { publish } from "../../shared/nats/jetstream.ts";
import type { Verdict } from "../../shared/contract/messages.ts";
import { OPERATOR } from "../../shared/contract/participants.ts";
import { subjects } from "../../shared/contract/subjects.ts";

import { type Fleet, selectHosts, withFleet } from "../fleet/fleet.ts";
import { askService } from "../../shared/nats/ask-service.ts";
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
    throw new WrongUsage(messageOf(usageErrors.reasonMissing, { verdict: VERDICT }));
  if (retryAfter !== undefined && VERDICT !== "defer")
    throw new WrongUsage(messageOf(usageErrors.retryAfterMisplaced));
  const operatorVerdict: Verdict = {
    verdict: VERDICT,
    ...(reason !== undefined && { reason }),
    ...(retryAfter !== undefined && { retry_after_s: retryAfter / 1000 }),
  };
  const decided = await withFleet(terminal, async (fleet) => {
    const pending = await findPendingEvent(fleet, EVENT, await selectHosts(fleet, host));
    if (hooks[pending.hook].refusal === null && VERDICT !== "proceed")
      throw new NotDone(messageOf(commandErrors.onlyProceed, { hook: pending.hook }));
    return publishVerdict(fleet, pending, operatorVerdict, terminal);
  });
  const { event, hook, container, verdict, by = null, reason: why = null } = decided;
  if (json) printJson(terminal, { event, host: decided.host, hook, container, verdict, by, reason: why });
  else
    terminal.stdout.write(
      `${sanitize(`${hookText(decided)} on ${decided.host}: ${verdict} by ${by ?? "all"}${why ? `: ${why}` : ""}`)}\n`,
    );
  if (by === OPERATOR) return 0;
  throw new NotDone(messageOf(commandErrors.decidedBefore));
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
      ? messageOf(commandErrors.noUpdaterActs, { host })
      : messageOf(commandErrors.notDecidedYet, { host, seconds: DECIDED_WITHIN_MS / 1000 }),
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
        messageOf(commandErrors.severalPending, {
          event: idOrContainer,
          list: found.map(eventLine).join("\n"),
        }),
      );
    if (found[0] !== undefined) return found[0];
  }
  const decided = await findDecision(fleet, idOrContainer, hosts);
  if (decided !== undefined) {
    const { verdict, by, reason } = decided;
    throw new NotDone(
      messageOf(commandErrors.decidedAlready, {
        event: idOrContainer,
        verdict,
        by: `${by ?? "all"}${reason ? `: ${sanitize(reason)}` : ""}`,
      }),
    );
  }
  const names = all.flatMap(({ event, container }) => [event, ...(container === null ? [] : [container])]);
  throw new NotDone(
    messageOf(commandErrors.notPending, {
      event: idOrContainer,
      nearest: didYouMean(idOrContainer, names),
      list: all.map((record) => `\n${eventLine(record)}`).join(""),
    }),
  );
}

const eventLine = (record: WaitingRecord): string =>
  `  ${record.event}  (${hookText(record)} on ${record.host})`;
