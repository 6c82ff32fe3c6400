// `ouroboros check`: has the pollers look for newer images now, and prints what they find. Nothing is updated.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { PollerFailure, PollerLook } from "../output/poller-look.ts";
import type { CheckResult } from "../output/output-schemas.ts";
import { EXIT } from "../framework/command.ts";
import {
  type Fleet,
  askStartingService,
  askUntilStarted,
  listHosts,
  selectHosts,
  withFleet,
} from "../fleet/fleet.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Colour, type Terminal, sanitize, paint, printJson, wrapText } from "../framework/terminal.ts";
import { formatAgo } from "../../shared/runtime/time-text.ts";

/** A poller first finishes its current cycle, then asks the registries. */
const ANSWER_TIMEOUT_MS = 120_000;

interface HostCheckResult {
  readonly found: readonly CheckResult[];
  /** Names of all containers of the host. */
  readonly names: readonly string[];
  /** What could not be checked, and why. */
  readonly blind: readonly string[];
  readonly advice?: string | undefined;
}

/** @throws NotDone where no poller or host appears. */
async function waitForHosts(fleet: Fleet, host: string | undefined, terminal: Terminal): Promise<string[]> {
  const isThere = async (): Promise<true | undefined> => (await listHosts(fleet)).length > 0 || undefined;
  if ((await askUntilStarted(terminal, isThere)) === undefined)
    throw new NotDone(messageOf(commandErrors.noHostYet));
  return selectHosts(fleet, host);
}

export const runCheck: CommandRunner<"check"> = async ({ CONTAINER, host, fresh, json }, terminal) => {
  const more = { fresh, ...(CONTAINER !== undefined && { container: CONTAINER }) };
  const options = { ...terminal, more, timeout: ANSWER_TIMEOUT_MS };
  const results = await withFleet(terminal, async (fleet) =>
    Promise.all(
      (await waitForHosts(fleet, host, terminal)).map(async (name) =>
        toHostResult(name, await askStartingService(fleet, [name, "poller", "look"], options)),
      ),
    ),
  );
  const found = results.flatMap((result) => result.found);
  const blind = results.flatMap((result) => result.blind);
  for (const what of blind) terminal.stderr.write(`${sanitize(`ouroboros check: ${what}`)}\n`);
  for (const { advice } of results)
    if (advice !== undefined) terminal.stderr.write(`${sanitize(`ouroboros check: ${advice}`)}\n`);
  if (json) printJson(terminal, found);
  else if (found.length > 0) printCheckResults(terminal, found);
  if (blind.length > 0 || found.some(({ state }) => state === "unknown")) return EXIT.cannotAsk.code;
  if (found.length > 0) return EXIT.done.code;
  const where = host === undefined ? "" : ` on ${host}`;
  if (CONTAINER === undefined) throw new NotDone(messageOf(commandErrors.noContainer, { where }));
  const names = results.flatMap((result) => result.names);
  const nearest = didYouMean(CONTAINER, names);
  throw new NotDone(messageOf(commandErrors.noSuchContainer, { container: CONTAINER, where, nearest }));
};

function toHostResult(host: string, reply: unknown): HostCheckResult {
  const nothing = (because: string): HostCheckResult => ({
    found: [],
    names: [],
    blind: [`${host}: ${because}`],
  });
  if (reply === undefined) return nothing("its poller does not answer");
  const answer = PollerLook.safeParse(reply).data;
  if (answer === undefined)
    return nothing(PollerFailure.safeParse(reply).data?.error ?? "its poller's answer cannot be used");
  return {
    found: answer.containers.map((container) => ({ host, ...container })).sort(byState),
    names: answer.names,
    blind: [
      ...answer.unseen.map(({ name, because }) => `${name} on ${host} cannot be looked at: ${because}`),
      ...(answer.swarm?.isWrong === true ? [`${host}: ${answer.swarm.because}`] : []),
    ],
    advice: answer.advice,
  };
}

type ImageState = CheckResult["state"];
/** The states in the order of the output, with their names in the last line. */
const STATES: Readonly<Record<ImageState, { readonly called: string; readonly colour?: Colour }>> = {
  newer: { called: "newer", colour: "green" },
  unknown: { called: "unknown", colour: "red" },
  left: { called: "left alone" },
  current: { called: "current" },
};
const ORDER = Object.keys(STATES) as ImageState[];
const byState = (a: CheckResult, b: CheckResult): number =>
  ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || (a.container < b.container ? -1 : 1);

const INDENT = Math.max(...ORDER.map((state) => state.length)) + 2;

function printCheckResults(terminal: Terminal, found: readonly CheckResult[]): void {
  const now = terminal.clock.now();
  const { stdout } = terminal;
  for (const result of found) {
    const { colour = "dim" } = STATES[result.state];
    const [head = "", ...more] = [
      ...wrapText(sanitize(`${result.container} on ${result.host}, ${result.image}`), INDENT),
      ...wrapText(sanitize(detailsOf(result, now)), INDENT),
    ];
    stdout.write(`${paint(terminal, result.state.padEnd(INDENT), colour)}${head}\n`);
    for (const line of more) stdout.write(`${" ".repeat(INDENT)}${line}\n`);
  }
  const counts = ORDER.map(
    (state) => [found.filter((result) => result.state === state).length, state] as const,
  )
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
