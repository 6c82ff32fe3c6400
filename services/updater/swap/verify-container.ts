// Verifies the new container: it must become healthy if it has a healthcheck, else run without a restart for the
// settle time; then it must pass the outside check of its label, if any. A container that exits or restarts fails at
// once. The exception is a job: it ends by itself with exit code 0, and its restart policy lets it end.
// The labels of the old container count, because the plan was made by them. A new image cannot disable a check; its
// own labels take effect at the next update.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import type { Logger } from "pino";
import type { ContainerInspection, ImageDocument } from "../../../shared/docker/inspect-documents.ts";
import { type CheckLabel, readCheckLabel } from "../../../shared/containers/check-label.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { Engine } from "../../../shared/docker/engine.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import { selectEffectiveLabels } from "../../../shared/containers/effective-labels.ts";
import { listActions } from "../containers/container-events.ts";
import { redactOutput } from "../containers/redact-output.ts";
import { runProbe } from "./probe.ts";
import { readVerificationTimes } from "./verification-times.ts";

export interface VerificationOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Milliseconds; undefined: from the healthcheck's own times. */
  readonly healthTimeout: number | undefined;
  readonly settleTime: number;
  /** An invalid check label counts as none: such a container is left alone anyway (container-facts.ts). */
  readonly check?: CheckLabel;
  /** Ends the verification with a failure: the service must stop now. */
  readonly hardStop: AbortSignal;
}

interface VerificationContext {
  readonly settings: Pick<Settings, "HEALTH_TIMEOUT" | "SETTLE_TIME">;
  readonly log: Logger;
  readonly hardStop: AbortSignal;
}

/** How to verify the successor of `old`, which runs `image`. Logs invalid labels. */
export function makeVerificationOptions(
  old: ContainerInspection,
  image: ImageDocument,
  { settings, log, hardStop }: VerificationContext,
): Omit<VerificationOptions, "engine" | "clock"> {
  const { labels } = selectEffectiveLabels(old.Config.Labels, image.Config?.Labels);
  const { wrong, ...times } = readVerificationTimes(labels, settings);
  for (const label of wrong)
    log.warn({ container: old.Name.slice(1), ...label }, "label does not count as it is");
  return { ...times, check: readCheckLabel(labels), hardStop };
}

const LOOK_EVERY_MS = 100;
const CHECK_EVERY_MS = 1000;
/** How long the outside check may fail if there is no healthcheck whose times count. */
const CHECK_WITHIN_MS = 30_000;
const NS_PER_MS = 1e6;

/** @throws Error that says what is wrong with the container. */
export async function verifyContainer(id: string, proof: VerificationOptions): Promise<void> {
  const settled = await waitUntilHealthy(id, proof);
  if (!settled.State.Running && proof.check?.kind === "check")
    throw new Error(reasonOf(updateFailures.endedBeforeCheck, { check: proof.check.asked }));
  if (proof.check?.kind === "check") await waitUntilProbePasses(settled, proof.check, proof);
}

/** Waits until the container is healthy or settled, or a finished job. Resolves with the last inspect. */
async function waitUntilHealthy(id: string, proof: VerificationOptions): Promise<ContainerInspection> {
  const { engine, clock, hardStop } = proof;
  const began = clock.monotonic();
  for (let last: ContainerInspection | undefined; ;) {
    const inspect = await engine.docker.getContainer(id).inspect();
    if (await isFinishedJob(engine, inspect)) return inspect;
    const waited = clock.monotonic() - began;
    const failed = whyDown(inspect, last) ?? whyTooLate(inspect, waited, proof);
    if (failed !== undefined) throw new Error(reasonOf(updateFailures.ended, { what: failed }));
    if (isHealthyOrSettled(inspect, waited, proof)) return inspect;
    throwIfStopped(hardStop);
    last = inspect;
    const settlesIn = proof.settleTime - waited;
    await clock.sleep(settlesIn > 0 ? Math.min(LOOK_EVERY_MS, settlesIn) : LOOK_EVERY_MS, hardStop);
  }
}

/** Retries the probe until it passes, and checks each time that the container is still up. */
async function waitUntilProbePasses(
  settled: ContainerInspection,
  { check, asked }: CheckLabel & { readonly kind: "check" },
  proof: VerificationOptions,
): Promise<void> {
  const { engine, clock, hardStop } = proof;
  const limit = hasHealthcheck(settled)
    ? healthLimit(settled, proof)
    : (proof.healthTimeout ?? CHECK_WITHIN_MS);
  const began = clock.monotonic();
  for (;;) {
    const answer = await runProbe(check, settled, proof);
    throwIfStopped(hardStop);
    const failed = whyDown(await engine.docker.getContainer(settled.Id).inspect(), settled);
    if (failed !== undefined)
      throw new Error(reasonOf(updateFailures.endedDuringCheck, { what: failed, check: asked }));
    if (answer.passed) return;
    if (clock.monotonic() - began + CHECK_EVERY_MS > limit)
      throw new Error(
        reasonOf(updateFailures.checkFailed, {
          check: asked,
          seconds: limit / 1000,
          because: answer.because,
        }),
      );
    await clock.sleep(CHECK_EVERY_MS, hardStop);
  }
}

function throwIfStopped(hardStop: AbortSignal): void {
  if (hardStop.aborted) throw new Error("the new container was not proved before the updater had to stop");
}

/**
 * True for a job that is over: a rollback would run its work once more. A service that somebody stops may exit with 0
 * too, but it got a signal. False if the Engine does not remember how the container ended.
 */
export async function isFinishedJob(
  engine: Engine,
  { Id: id, State, HostConfig, RestartCount }: ContainerInspection,
): Promise<boolean> {
  const mayEnd = ["", "no", "on-failure"].includes(HostConfig.RestartPolicy?.Name ?? "");
  if (!mayEnd || State.Status !== "exited" || State.ExitCode !== 0 || RestartCount > 0) return false;
  const actions = await listActions(engine, id, () => Date.parse(State.StartedAt));
  return actions.includes("die") && !actions.includes("kill");
}

/** Undefined while it runs as in the `last` inspect. Restart count and start time reveal a restart in between. */
function whyDown(inspect: ContainerInspection, last: ContainerInspection | undefined): string | undefined {
  const { State: state, RestartCount: restarts } = inspect;
  if (state.Restarting) return `exited with code ${state.ExitCode} and was restarted`;
  if (!state.Running) return `exited with code ${state.ExitCode}${state.Error ? `: ${state.Error}` : ""}`;
  if (restarts > 0) return "exited and was restarted";
  if (last !== undefined && last.State.StartedAt !== state.StartedAt) return "was restarted";
  if (state.Health?.Status === "unhealthy") return `is unhealthy: ${lastOutput(inspect)}`;
  return undefined;
}

type Times = Pick<VerificationOptions, "healthTimeout" | "settleTime">;

/** podman shows "" where Docker shows nothing or "none". */
const hasHealthcheck = ({ State: { Health: health } }: ContainerInspection): boolean =>
  health !== undefined && !["", "none"].includes(health.Status);

const isHealthyOrSettled = (inspect: ContainerInspection, waited: number, { settleTime }: Times): boolean =>
  hasHealthcheck(inspect) ? inspect.State.Health?.Status === "healthy" : waited >= settleTime;

function whyTooLate(inspect: ContainerInspection, waited: number, times: Times): string | undefined {
  if (!hasHealthcheck(inspect) || inspect.State.Health?.Status === "healthy") return undefined;
  const limit = healthLimit(inspect, times);
  return waited < limit ? undefined : `did not become healthy within ${limit / 1000} s`;
}

/** The longest time that an image's healthcheck may take. HEALTH_TIMEOUT and the container's label may set more. */
const LONGEST_OWN_MS = 3_600_000;

/**
 * `healthTimeout`, else start period + (interval + timeout) × retries + 30 s, with the Engine's defaults for values
 * that are not set or below zero.
 */
export function healthLimit(
  inspect: { readonly Config: Pick<ContainerInspection["Config"], "Healthcheck"> },
  { healthTimeout }: Pick<Times, "healthTimeout">,
): number {
  const { StartPeriod = 0, Interval = 0, Timeout = 0, Retries = 0 } = inspect.Config.Healthcheck ?? {};
  const ms = (ns: number, byDefault: number): number => (ns > 0 ? ns / NS_PER_MS : byDefault);
  const times = Retries > 0 ? Retries : 3;
  const own = ms(StartPeriod, 0) + (ms(Interval, 30_000) + ms(Timeout, 30_000)) * times + 30_000;
  return healthTimeout ?? Math.min(own, LONGEST_OWN_MS);
}

const lastOutput = (inspect: ContainerInspection): string =>
  redactOutput(inspect.State.Health?.Log?.at(-1)?.Output ?? "", inspect.Config.Env);
