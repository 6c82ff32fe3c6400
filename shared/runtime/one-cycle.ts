// A program that does one cycle (RUN_ONCE, DRY_RUN) ends by itself: with a code that says what came of it, and in a
// bounded time, whatever it waits for.
import type { Logger } from "pino";
import { type Clock, firstOf } from "../clock.ts";
import { type Health, describeWaits } from "./health.ts";
import type { Settings } from "../settings/settings.ts";

/** What it exits with; where several count, the highest. */
export const EXIT_CODES = {
  done: 0,
  /** An update failed or was rolled back, or a registry gave no answer for an image. */
  failed: 1,
  /** A container is stuck. */
  person: 2,
  /** It was stopped, or out of time: what was begun is finished by the next start. */
  unfinished: 3,
} as const;

export const isOneCycle = ({ RUN_ONCE, DRY_RUN }: Pick<Settings, "RUN_ONCE" | "DRY_RUN">): boolean =>
  RUN_ONCE || DRY_RUN;

interface OneCycleContext {
  readonly settings: Settings;
  readonly log: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly health: Health;
}

/** How it ended. */
export interface ProgramResult {
  readonly code: number;
  /** Where time was up: what it waited for then. */
  readonly waited?: readonly string[];
}

const FIRST_NOTICE_MS = 30_000;
/** After STOP_GRACE. */
const LAST_CALLS_MS = 20_000;

/** The service, told to stop when RUN_ONCE_TIMEOUT is over; what it waits for long is told before. */
export async function runWithTimeLimit<Context extends OneCycleContext>(
  context: Context,
  service: (context: Context) => Promise<number>,
): Promise<ProgramResult> {
  const { settings, clock, signal } = context;
  const [ended, over] = [new AbortController(), new AbortController()];
  void logWaiting(context, firstOf(ended.signal, signal));
  let waited: readonly string[] | undefined;
  const timeIsUp = async (): Promise<void> => {
    await clock.sleep(settings.RUN_ONCE_TIMEOUT, ended.signal);
    if (ended.signal.aborted) return;
    waited = await describeWaits(context.health);
    over.abort("RUN_ONCE_TIMEOUT is over");
    await clock.sleep(settings.STOP_GRACE + LAST_CALLS_MS, ended.signal);
  };
  const limit = timeIsUp();
  const work = service({ ...context, signal: firstOf(signal, over.signal) }).finally(() => ended.abort());
  const code = await Promise.race([
    work,
    limit.then(() => (ended.signal.aborted ? work : EXIT_CODES.unfinished)), // what does not stop is left behind
  ]);
  return waited === undefined ? { code } : { code: EXIT_CODES.unfinished, waited };
}

/** A silence that somebody might take for a hang. */
async function logWaiting({ log, clock, health }: OneCycleContext, over: AbortSignal): Promise<void> {
  for (let pause = FIRST_NOTICE_MS; ; pause *= 2) {
    await clock.sleep(pause, over);
    if (over.aborted) return;
    log.info({ waiting_for: await describeWaits(health) }, "still waiting");
  }
}
