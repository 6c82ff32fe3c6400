// `ouroboros verdict`: the operator decides what others are waited for.
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
  const said: Verdict = {
    verdict: VERDICT,
    ...(reason !== undefined && { reason }),
    ...(retryAfter !== undefined && { retry_after_s: retryAfter / 1000 }),
  };
  const decided = await withFleet(terminal, async (fleet) => {
    const waited = await findPendingEvent(fleet, EVENT, await selectHosts(fleet, host));
    if (hooks[waited.hook].refusal === null && VERDICT !== "proceed")
      throw new NotDone(`${waited.hook} can be neither refused nor deferred; proceed ends the wait`);
    return publishVerdict(fleet, waited, said, terminal);
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
  waited: WaitingRecord,
  said: Verdict,
  { clock, signal }: Terminal,
): Promise<RecordOf<"decided">> {
  const { host, event, run } = waited;
  await publish(
    { js: fleet.js, clock, signal: clock.deadline(5000, signal) },
    { subject: subjects.verdict(host, OPERATOR, event), body: said },
  );
  const within = { clock, signal: clock.deadline(DECIDED_WITHIN_MS, signal) };
  for await (const record of followRun(fleet, { host, run }, within))
    if (record.kind === "decided" && record.event === event) return record;
  const updater = await askService(fleet, host, ["updater", "status"]);
  throw new NotDone(
    updater === undefined
      ? `the verdict is stored, but no updater acts on ${host}; it counts when one does`
      : `the verdict is stored, but the updater of ${host} has not decided within ${DECIDED_WITHIN_MS / 1000} s`,
  );
}

/** By its id, by a container that has one event only, or by the first characters of the id. */
async function findPendingEvent(
  fleet: Fleet,
  what: string,
  hosts: readonly string[],
): Promise<WaitingRecord> {
  const all = (await Promise.all(hosts.map((host) => findUndecidedRecords(fleet, host)))).flat();
  const ways: readonly ((one: WaitingRecord) => boolean)[] = [
    ({ event }) => event === what,
    ({ container }) => container === what,
    ({ event }) => event.startsWith(what),
  ];
  for (const isMeant of ways) {
    const found = all.filter(isMeant);
    if (found.length > 1)
      throw new NotDone(`${what} may be any of these; name one:\n${found.map(eventLine).join("\n")}`);
    if (found[0] !== undefined) return found[0];
  }
  const decided = await findDecision(fleet, what, hosts);
  if (decided !== undefined) {
    const { verdict, by, reason } = decided;
    throw new NotDone(
      `${what} was decided already: ${verdict} by ${by ?? "all"}${reason ? `: ${sanitize(reason)}` : ""}`,
    );
  }
  if (all.length === 0) throw new NotDone(`no event ${what} is pending`);
  const names = all.flatMap(({ event, container }) => [event, ...(container === null ? [] : [container])]);
  const near =
    didYouMean(what, names) || `; \`ouroboros pending\` lists them:\n${all.map(eventLine).join("\n")}`;
  throw new NotDone(`no event ${what} is pending${near}`);
}

const eventLine = (one: WaitingRecord): string => `  ${one.event}  (${hookText(one)} on ${one.host})`;
