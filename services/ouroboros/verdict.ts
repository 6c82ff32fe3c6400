// `ouroboros verdict`: the operator decides what others are waited for.
import { hooks } from "../../shared/hooks.ts";
import { publish } from "../../shared/jetstream.ts";
import type { Verdict } from "../../shared/messages.ts";
import { OPERATOR } from "../../shared/participants.ts";
import { subjects } from "../../shared/subjects.ts";
import { NotDone, WrongUsage } from "./command.ts";
import { type Fleet, askService, hostsAsked, withFleet } from "./fleet.ts";
import { recordsAsTheyCome } from "./follow-run.ts";
import { didYouMean } from "../../shared/nearest.ts";
import { undecidedOn } from "./pending.ts";
import type { CommandRunner } from "./run-command.ts";
import { type RecordOf, atHook, decisionAt } from "./runs.ts";
import { type Terminal, harmless, printJson } from "./terminal.ts";

/** How long the updater may take to decide. */
const DECIDED_WITHIN_MS = 15_000;

type Waited = RecordOf<"waiting">;

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
    const waited = await findWaited(fleet, EVENT, await hostsAsked(fleet, host));
    if (hooks[waited.hook].refusal === null && VERDICT !== "proceed")
      throw new NotDone(`${waited.hook} can be neither refused nor deferred; proceed ends the wait`);
    return decide(fleet, waited, said, terminal);
  });
  const { event, hook, container, verdict, by = null, reason: why = null } = decided;
  if (json) printJson(terminal, { event, host: decided.host, hook, container, verdict, by, reason: why });
  else
    terminal.stdout.write(
      `${harmless(`${atHook(decided)} on ${decided.host}: ${verdict} by ${by ?? "all"}${why ? `: ${why}` : ""}`)}\n`,
    );
  if (by === OPERATOR) return 0;
  throw new NotDone("it was decided before this verdict came, which has no effect");
};

async function decide(
  fleet: Fleet,
  waited: Waited,
  said: Verdict,
  { clock, signal }: Terminal,
): Promise<RecordOf<"decided">> {
  const { host, event, run } = waited;
  await publish(
    { js: fleet.js, clock, signal: clock.deadline(5000, signal) },
    { subject: subjects.verdict(host, OPERATOR, event), body: said },
  );
  const within = { clock, signal: clock.deadline(DECIDED_WITHIN_MS, signal) };
  for await (const record of recordsAsTheyCome(fleet, { host, run }, within))
    if (record.kind === "decided" && record.event === event) return record;
  const updater = await askService(fleet, host, ["updater", "status"]);
  throw new NotDone(
    updater === undefined
      ? `the verdict is stored, but no updater acts on ${host}; it counts when one does`
      : `the verdict is stored, but the updater of ${host} has not decided within ${DECIDED_WITHIN_MS / 1000} s`,
  );
}

/** By its id, by a container that has one event only, or by the first characters of the id. */
async function findWaited(fleet: Fleet, what: string, hosts: readonly string[]): Promise<Waited> {
  const all = (await Promise.all(hosts.map((host) => undecidedOn(fleet, host)))).flat();
  const ways: readonly ((one: Waited) => boolean)[] = [
    ({ event }) => event === what,
    ({ container }) => container === what,
    ({ event }) => event.startsWith(what),
  ];
  for (const isMeant of ways) {
    const found = all.filter(isMeant);
    if (found.length > 1)
      throw new NotDone(`${what} may be any of these; name one:\n${found.map(listed).join("\n")}`);
    if (found[0] !== undefined) return found[0];
  }
  const decided = await decisionAt(fleet, what, hosts);
  if (decided !== undefined) {
    const { verdict, by, reason } = decided;
    throw new NotDone(
      `${what} was decided already: ${verdict} by ${by ?? "all"}${reason ? `: ${harmless(reason)}` : ""}`,
    );
  }
  if (all.length === 0) throw new NotDone(`no event ${what} is pending`);
  const names = all.flatMap(({ event, container }) => [event, ...(container === null ? [] : [container])]);
  const near =
    didYouMean(what, names) || `; \`ouroboros pending\` lists them:\n${all.map(listed).join("\n")}`;
  throw new NotDone(`no event ${what} is pending${near}`);
}

const listed = (one: Waited): string => `  ${one.event}  (${atHook(one)} on ${one.host})`;
