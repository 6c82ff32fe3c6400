// `ouroboros check`: the pollers look now, and say what is newer; nothing is updated.
import { z } from "zod";
import { Checked } from "./answers.ts";
import { EXIT, NotDone } from "./command.ts";
import { type Fleet, askService, hostsAsked, hostsOf, withFleet } from "./fleet.ts";
import { didYouMean } from "../../shared/nearest.ts";
import type { CommandRunner } from "./run-command.ts";
import { type Colour, type Terminal, harmless, paint, printJson, wrapped } from "./terminal.ts";
import { ago } from "../../shared/times.ts";

/** The pollers ask registries, after the cycle in hand. */
const WITHIN_MS = 120_000;

const Answer = z.object({
  containers: z.array(Checked.omit({ host: true })),
  unseen: z.array(z.object({ name: z.string(), because: z.string() })),
  names: z.array(z.string()),
  advice: z.string().optional(),
});

const Failed = z.object({ error: z.string() });

interface Looked {
  readonly found: readonly Checked[];
  /** Names of all containers of the host. */
  readonly names: readonly string[];
  /** What could not be looked at, and why. */
  readonly blind: readonly string[];
  readonly advice?: string | undefined;
}

const PATIENCE_MS = 15_000;
const AGAIN_MS = 250;

/** Right after a start the first poller is not there yet. @throws NotDone where none comes, or there is no such host. */
async function hostsWhenThere(
  fleet: Fleet,
  host: string | undefined,
  { clock, signal }: Terminal,
): Promise<string[]> {
  const began = clock.monotonic();
  while ((await hostsOf(fleet)).length === 0) {
    if (signal.aborted || clock.monotonic() - began > PATIENCE_MS)
      throw new NotDone("no host is known yet: no poller has started");
    await clock.sleep(AGAIN_MS, signal);
  }
  return hostsAsked(fleet, host);
}

export const runCheck: CommandRunner<"check"> = async ({ CONTAINER, host, fresh, json }, terminal) => {
  const asked = { fresh, ...(CONTAINER !== undefined && { container: CONTAINER }) };
  const all = await withFleet(terminal, async (fleet) =>
    Promise.all((await hostsWhenThere(fleet, host, terminal)).map((one) => lookOn(fleet, one, asked))),
  );
  const found = all.flatMap((one) => one.found);
  const blind = all.flatMap((one) => one.blind);
  for (const what of blind) terminal.stderr.write(`${harmless(`ouroboros check: ${what}`)}\n`);
  for (const { advice } of all)
    if (advice !== undefined) terminal.stderr.write(`${harmless(`ouroboros check: ${advice}`)}\n`);
  if (json) printJson(terminal, found);
  else if (found.length > 0) printChecked(terminal, found);
  if (blind.length > 0 || found.some(({ state }) => state === "unknown")) return EXIT.cannotAsk.code;
  if (found.length > 0) return EXIT.done.code;
  const where = host === undefined ? "" : ` on ${host}`;
  if (CONTAINER === undefined) throw new NotDone(`there is no container${where}`);
  const names = all.flatMap((one) => one.names);
  throw new NotDone(`there is no container ${CONTAINER}${where}${didYouMean(CONTAINER, names)}`);
};

async function lookOn(fleet: Fleet, host: string, more: object): Promise<Looked> {
  const nothing = (because: string): Looked => ({ found: [], names: [], blind: [`${host}: ${because}`] });
  const said = await askService(fleet, host, ["poller", "look"], { more, timeout: WITHIN_MS });
  if (said === undefined) return nothing("its poller does not answer");
  const answer = Answer.safeParse(said).data;
  if (answer === undefined)
    return nothing(Failed.safeParse(said).data?.error ?? "its poller's answer cannot be used");
  return {
    found: answer.containers.map((one) => ({ host, ...one })).sort(byState),
    names: answer.names,
    blind: answer.unseen.map(({ name, because }) => `${name} on ${host} cannot be looked at: ${because}`),
    advice: answer.advice,
  };
}

type State = Checked["state"];
/** In this order, and as they are called in the last line. */
const STATES: Readonly<Record<State, { readonly called: string; readonly colour?: Colour }>> = {
  newer: { called: "newer", colour: "green" },
  unknown: { called: "unknown", colour: "red" },
  left: { called: "left alone" },
  current: { called: "current" },
};
const ORDER = Object.keys(STATES) as State[];
const byState = (one: Checked, other: Checked): number =>
  ORDER.indexOf(one.state) - ORDER.indexOf(other.state) || (one.container < other.container ? -1 : 1);

const INDENT = Math.max(...ORDER.map((state) => state.length)) + 2;

function printChecked(terminal: Terminal, found: readonly Checked[]): void {
  const now = terminal.clock.now();
  const { stdout } = terminal;
  for (const one of found) {
    const { colour = "dim" } = STATES[one.state];
    const [head = "", ...more] = [
      ...wrapped(harmless(`${one.container} on ${one.host}, ${one.image}`), INDENT),
      ...wrapped(harmless(detailsOf(one, now)), INDENT),
    ];
    stdout.write(`${paint(terminal, one.state.padEnd(INDENT), colour)}${head}\n`);
    for (const line of more) stdout.write(`${" ".repeat(INDENT)}${line}\n`);
  }
  const counts = ORDER.map((state) => [found.filter((one) => one.state === state).length, state] as const)
    .filter(([count]) => count > 0)
    .map(([count, state]) => `${count} ${STATES[state].called}`);
  stdout.write(`${counts.join(", ")}\n`);
}

const short = (digest: string): string => digest.replace(/^(sha\d+:[0-9a-f]{12}).*/, "$1");

function detailsOf({ state, because, digest, runs, said_at }: Checked, now: number): string {
  if (state === "current") return said_at === null ? "" : `asked ${ago(said_at, now)}`;
  if (state !== "newer" || digest === null) return because;
  const when = said_at === null ? "" : `, asked ${ago(said_at, now)}`;
  return `${runs.map(short).join(" or ")} → ${short(digest)}${when}: ${because}`;
}
