// Has the new container proved itself? Healthy where there is a healthcheck, else running without a restart for the
// settling time. A container that exits, dies or restarts has failed at once.
import type { ContainerInspectInfo } from "dockerode";
import type { Clock } from "../../shared/clock.ts";
import type { Engine } from "../../shared/engine.ts";

export interface Proof {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Milliseconds; undefined: from the healthcheck's own times. */
  readonly healthTimeout: number | undefined;
  readonly settleTime: number;
  /** Ends the proof with a failure: the service must stop now. */
  readonly hardStop: AbortSignal;
}

const LOOK_EVERY_MS = 100;
const NS_PER_MS = 1e6;

/** @throws Error saying what is wrong with the container. */
export async function prove(id: string, { engine, clock, hardStop, ...times }: Proof): Promise<void> {
  const began = clock.monotonic();
  for (let last: string | undefined; ;) {
    const inspect = await engine.docker.getContainer(id).inspect();
    const waited = clock.monotonic() - began;
    const seen = judge(inspect, waited, times);
    if (seen.kind === "proved") return;
    if (seen.kind === "failed")
      throw new Error(`the new container ${seen.because}${last ? ` (was ${last})` : ""}`);
    if (hardStop.aborted) throw new Error("the new container was not proved before the updater had to stop");
    last = inspect.State.Health?.Status;
    await clock.sleep(LOOK_EVERY_MS, hardStop);
  }
}

type Judgement =
  { readonly kind: "proved" | "waiting" } | { readonly kind: "failed"; readonly because: string };

function judge(
  inspect: ContainerInspectInfo,
  waited: number,
  times: Pick<Proof, "healthTimeout" | "settleTime">,
): Judgement {
  const { State: state, RestartCount: restarts } = inspect as ContainerInspectInfo & {
    RestartCount?: number;
  };
  if (state.Restarting || (restarts ?? 0) > 0)
    return { kind: "failed", because: `exited with code ${state.ExitCode} and was restarted` };
  if (!state.Running)
    return {
      kind: "failed",
      because: `exited with code ${state.ExitCode}${state.Error ? `: ${state.Error}` : ""}`,
    };
  if (state.Health === undefined || state.Health.Status === "none") {
    return { kind: waited >= times.settleTime ? "proved" : "waiting" };
  }
  if (state.Health.Status === "healthy") return { kind: "proved" };
  const limit = times.healthTimeout ?? ownHealthTime(inspect);
  if (state.Health.Status === "unhealthy")
    return { kind: "failed", because: `is unhealthy: ${lastOutput(inspect)}` };
  return waited < limit
    ? { kind: "waiting" }
    : { kind: "failed", because: `did not become healthy within ${Math.round(limit / 1000)} s` };
}

/** Start period + (interval + timeout) × retries + 30 s, with the Engine's defaults for what is not set. */
function ownHealthTime(inspect: ContainerInspectInfo): number {
  const { StartPeriod, Interval, Timeout, Retries } = inspect.Config.Healthcheck ?? {};
  const ms = (ns: number | undefined, byDefault: number): number => (ns ? ns / NS_PER_MS : byDefault);
  return ms(StartPeriod, 0) + (ms(Interval, 30_000) + ms(Timeout, 30_000)) * (Retries || 3) + 30_000;
}

const lastOutput = (inspect: ContainerInspectInfo): string =>
  (inspect.State.Health?.Log.at(-1)?.Output ?? "").trim().slice(0, 500) || "no output";
