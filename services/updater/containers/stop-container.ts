// Stops a container the way its owner configured it. Engine API: ContainerStop, -Kill, -Wait.
// The Engine carries out a stop that it has received even if the client disconnects, and a start before the end of
// that stop does nothing. So a stop waits for an Engine that hangs, and a restart waits for a pending stop first.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import type { Clock } from "../../../shared/clock.ts";
import {
  NOT_MODIFIED,
  type Engine,
  NOT_FOUND,
  statusOf,
  ignoreStatuses,
} from "../../../shared/docker/engine.ts";
import { isOlder } from "../../../shared/version.ts";
import { readStopSignal } from "../../../shared/containers/compat-labels.ts";
import { labelOf } from "../../../shared/settings/labels.ts";
import { listActions } from "./container-events.ts";

const STOP_MARGIN_MS = 30_000;
const DEFAULT_STOP_S = 10;
const LOOK_EVERY_MS = 5000;
const ANSWER_WITHIN_MS = 3000;

export interface StopContext {
  readonly engine: Engine;
  readonly clock: Clock;
  /** Ends the wait for an Engine that does not answer. */
  readonly hardStop: AbortSignal;
}

/** Uses the container's own signal and timeout, or the signal of the label com.ouroboros.stop_signal. */
export async function stopContainer(context: StopContext, container: ContainerInspection): Promise<void> {
  const { engine, clock } = context;
  const signal = signalFor(container.Config.Labels ?? {}, engine);
  const target = engine.dockerWithoutTimeout.getContainer(container.Id);
  if (signal !== undefined && isOlder(engine.api, "1.42"))
    await killAndWait(engine, clock, container, signal);
  await giveUpAfterAnswering(context, stopMs(container) + STOP_MARGIN_MS, (abortSignal) =>
    ignoreStatuses([NOT_MODIFIED], target.stop({ abortSignal, ...(signal !== undefined && { signal }) })),
  );
}

/** If the container runs but is being stopped, by anybody, waits until it has stopped. */
export async function awaitPendingStop(
  { engine, clock }: Pick<StopContext, "engine" | "clock">,
  inspect: ContainerInspection,
): Promise<void> {
  const { Id: id, State: state } = inspect;
  const within = stopMs(inspect) + STOP_MARGIN_MS;
  if (!state.Running || !(await isBeingStopped(engine, id, within))) return;
  const abortSignal = clock.deadline(within);
  await engine.dockerWithoutTimeout
    .getContainer(id)
    .wait({ condition: "not-running", abortSignal })
    .catch((error: unknown) => {
      if (!abortSignal.aborted) throw error; // else the signal did not end it
    });
}

const stopMs = ({ Config: config }: ContainerInspection): number =>
  ((config["StopTimeout"] as number | null | undefined) ?? DEFAULT_STOP_S) * 1000;

/**
 * Makes the call, and gives it up once the Engine has answered other calls for `ms` meanwhile. Time in which the
 * Engine answers no call does not count.
 */
async function giveUpAfterAnswering(
  { engine, clock, hardStop }: StopContext,
  ms: number,
  call: (giveUp: AbortSignal) => Promise<void>,
): Promise<void> {
  const giveUp = new AbortController();
  const over = new AbortController();
  const called = call(giveUp.signal).finally(() => over.abort());
  called.catch(() => undefined); // awaited below, but it may fail before that
  for (let left = ms; left > 0 && !over.signal.aborted;) {
    const from = clock.monotonic();
    await clock.sleep(Math.min(left, LOOK_EVERY_MS), over.signal);
    if (over.signal.aborted) break;
    if (await isAnswering(engine, clock)) left -= clock.monotonic() - from;
    else if (hardStop.aborted) left = 0;
  }
  giveUp.abort();
  await called;
}

const isAnswering = (engine: Engine, clock: Clock): Promise<boolean> =>
  engine.docker.listContainers({ limit: 1, abortSignal: clock.deadline(ANSWER_WITHIN_MS) }).then(
    () => true,
    (error: unknown) => statusOf(error) !== undefined,
  );

/** Was a signal the last thing that the Engine sent to the container within that time? */
async function isBeingStopped(engine: Engine, id: string, within: number): Promise<boolean> {
  const actions = await listActions(engine, id, (now) => now - within);
  return actions.at(-1) === "kill";
}

const signalFor = (labels: Readonly<Record<string, string>>, { compat }: Engine): string | undefined =>
  labelOf(labels, "com.ouroboros.stop_signal") ?? readStopSignal(labels, compat);

/**
 * Before API 1.42 stop takes no signal, and the restart policy restarts a killed container, so the policy is "no"
 * meanwhile. podman does not have the update call, and does not restart a killed container.
 */
async function killAndWait(
  engine: Engine,
  clock: Clock,
  container: ContainerInspection,
  signal: string,
): Promise<void> {
  const target = engine.dockerWithoutTimeout.getContainer(container.Id);
  const { HostConfig } = await target.inspect(); // an earlier step may have parked the policy
  const setPolicy = (RestartPolicy: object) => ignoreStatuses([NOT_FOUND], target.update({ RestartPolicy }));
  await setPolicy({ Name: "no" });
  try {
    await ignoreStatuses([409], target.kill({ signal }));
    await target
      .wait({ condition: "not-running", abortSignal: clock.deadline(stopMs(container)) })
      .catch(() => undefined);
  } finally {
    await setPolicy(HostConfig.RestartPolicy ?? { Name: "no" });
  }
}
