// `ouroboros check`: the pollers look now, and say what is newer; nothing is updated.
import { NotDone } from "../../shared/errors.ts";
import { z } from "zod";
import { CheckResult } from "../output/output-schemas.ts";
import { EXIT } from "../framework/command.ts";
import { type Fleet, askService, selectHosts, listHosts, withFleet } from "../fleet/fleet.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Colour, type Terminal, sanitize, paint, printJson, wrapText } from "../framework/terminal.ts";
import { formatAgo } from "../../shared/runtime/time-text.ts";

/** The pollers ask registries, after the cycle in hand. */
const WITHIN_MS = 120_000;

const PollerAnswer = z.object({
  containers: z.array(CheckResult.omit({ host: true })),
  unseen: z.array(z.object({ name: z.string(), because: z.string() })),
  names: z.array(z.string()),
  advice: z.string().optional(),
});

const PollerFailure = z.object({ error: z.string() });

interface HostCheckResult {
  readonly found: readonly CheckResult[];
  /** Names of all containers of the host. */
  readonly names: readonly string[];
  /** What could not be looked at, and why. */
  readonly blind: readonly string[];
  readonly advice?: string | undefined;
}

const HOSTS_WAIT_MS = 15_000;
const RETRY_MS = 250;

/** Right after a start the first poller is not there yet. @throws NotDone where none comes, or there is no such host. */
async function waitForHosts(
  fleet: Fleet,
  host: string | undefined,
  { clock, signal }: Terminal,
): Promise<string[]> {
  const began = clock.monotonic();
  while ((await listHosts(fleet)).length === 0) {
    if (signal.aborted || clock.monotonic() - began > HOSTS_WAIT_MS)
      throw new NotDone("no host is known yet: no poller has started");
    await clock.sleep(RETRY_MS, signal);
  }
  return selectHosts(fleet, host);
}

export const runCheck: CommandRunner<"check"> = async ({ CONTAINER, host, fresh, json }, terminal) => {
  const asked = { fresh, ...(CONTAINER !== undefined && { container: CONTAINER }) };
  const all = await withFleet(terminal, async (fleet) =>
    Promise.all((await waitForHosts(fleet, host, terminal)).map((one) => checkHost(fleet, one, asked))),
  );
  const found = all.flatMap((one) => one.found);
  const blind = all.flatMap((one) => one.blind);
  for (const what of blind) terminal.stderr.write(`${sanitize(`ouroboros check: ${what}`)}\n`);
  for (const { advice } of all)
    if (advice !== undefined) terminal.stderr.write(`${sanitize(`ouroboros check: ${advice}`)}\n`);
  if (json) printJson(terminal, found);
  else if (found.length > 0) printCheckResults(terminal, found);
  if (blind.length > 0 || found.some(({ state }) => state === "unknown")) return EXIT.cannotAsk.code;
  if (found.length > 0) return EXIT.done.code;
  const where = host === undefined ? "" : ` on ${host}`;
  if (CONTAINER === undefined) throw new NotDone(`there is no container${where}`);
  const names = all.flatMap((one) => one.names);
  throw new NotDone(`there is no container ${CONTAINER}${where}${didYouMean(CONTAINER, names)}`);
};

async function checkHost(fleet: Fleet, host: string, more: object): Promise<HostCheckResult> {
  const nothing = (because: string): HostCheckResult => ({
    found: [],
    names: [],
    blind: [`${host}: ${because}`],
  });
  const said = await askService(fleet, host, ["poller", "look"], { more, timeout: WITHIN_MS });
  if (said === undefined) return nothing("its poller does not answer");
  const answer = PollerAnswer.safeParse(said).data;
  if (answer === undefined)
    return nothing(PollerFailure.safeParse(said).data?.error ?? "its poller's answer cannot be used");
  return {
    found: answer.containers.map((one) => ({ host, ...one })).sort(byState),
    names: answer.names,
    blind: answer.unseen.map(({ name, because }) => `${name} on ${host} cannot be looked at: ${because}`),
    advice: answer.advice,
  };
}

type ImageState = CheckResult["state"];
/** In this order, and as they are called in the last line. */
const STATES: Readonly<Record<ImageState, { readonly called: string; readonly colour?: Colour }>> = {
  newer: { called: "newer", colour: "green" },
  unknown: { called: "unknown", colour: "red" },
  left: { called: "left alone" },
  current: { called: "current" },
};
const ORDER = Object.keys(STATES) as ImageState[];
const byState = (one: CheckResult, other: CheckResult): number =>
  ORDER.indexOf(one.state) - ORDER.indexOf(other.state) || (one.container < other.container ? -1 : 1);

const INDENT = Math.max(...ORDER.map((state) => state.length)) + 2;

function printCheckResults(terminal: Terminal, found: readonly CheckResult[]): void {
  const now = terminal.clock.now();
  const { stdout } = terminal;
  for (const one of found) {
    const { colour = "dim" } = STATES[one.state];
    const [head = "", ...more] = [
      ...wrapText(sanitize(`${one.container} on ${one.host}, ${one.image}`), INDENT),
      ...wrapText(sanitize(detailsOf(one, now)), INDENT),
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

function detailsOf({ state, because, digest, runs, said_at }: CheckResult, now: number): string {
  if (state === "current") return said_at === null ? "" : `asked ${formatAgo(said_at, now)}`;
  if (state !== "newer" || digest === null) return because;
  const when = said_at === null ? "" : `, asked ${formatAgo(said_at, now)}`;
  return `${runs.map(short).join(" or ")} → ${short(digest)}${when}: ${because}`;
}
