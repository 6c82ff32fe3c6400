// Programs that run a single cycle (RUN_ONCE, DRY_RUN) end by themselves, within a bounded time whatever they wait
// for, and with an exit code that tells how the cycle ended.
import type { Logger } from "pino";
import { type Clock, firstOf } from "../clock.ts";
import { type Health, describeWaits } from "./health.ts";
import type { Settings } from "../settings/settings.ts";

/** Exit codes of a single cycle; where several apply, the highest counts. */
export const EXIT_CODES = {
  done: 0,
  /** An update failed or was rolled back, or a registry gave no answer for an image. */
  failed: 1,
  /** A container is stuck: a person is needed. */
  person: 2,
  /** It was stopped or ran out of time; the next start finishes what it began. */
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

export interface ProgramResult {
  readonly code: number;
  /** What the program was waiting for when its time was up; undefined where it ended in time. */
  readonly waited?: readonly string[];
}

const FIRST_NOTICE_MS = 30_000;
/** What a service may take beyond STOP_GRACE to end. */
const STOP_SLACK_MS = 20_000;

/** Runs the service and stops it when RUN_ONCE_TIMEOUT is over. Logs what it waits for on the way. */
export async function runWithTimeLimit<Context extends OneCycleContext>(
  context: Context,
  service: (context: Context) => Promise<number>,
): Promise<ProgramResult> {
  const { settings, clock, signal } = context;
  const [ended, timedOut] = [new AbortController(), new AbortController()];
  void logWaiting(context, firstOf(ended.signal, signal));
  let waited: readonly string[] | undefined;
  const enforceTimeLimit = async (): Promise<void> => {
    await clock.sleep(settings.RUN_ONCE_TIMEOUT, ended.signal);
    if (ended.signal.aborted) return;
    waited = await describeWaits(context.health);
    timedOut.abort("RUN_ONCE_TIMEOUT is over");
    await clock.sleep(settings.STOP_GRACE + STOP_SLACK_MS, ended.signal);
  };
  const limit = enforceTimeLimit();
  const work = service({ ...context, signal: firstOf(signal, timedOut.signal) }).finally(() => ended.abort());
  const code = await Promise.race([
    work,
    // a service that does not stop is left behind
    limit.then(() => (ended.signal.aborted ? work : EXIT_CODES.unfinished)),
  ]);
  return waited === undefined ? { code } : { code: EXIT_CODES.unfinished, waited };
}

/** Breaks a silence that an operator might take for a hang. */
async function logWaiting({ log, clock, health }: OneCycleContext, until: AbortSignal): Promise<void> {
  for (let pause = FIRST_NOTICE_MS; ; pause *= 2) {
    await clock.sleep(pause, until);
    if (until.aborted) return;
    log.info({ waiting_for: await describeWaits(health) }, "still waiting");
  }
}
