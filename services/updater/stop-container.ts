// Stopping a container as its owner wants it stopped. Engine API: ContainerStop, -Kill, -Wait.
import type { Clock } from "../../shared/clock.ts";
import { ALREADY_SO, type Engine, isOlder, tolerating } from "../../shared/engine.ts";
import { stopSignalBy } from "../../shared/compat-labels.ts";
import { labelOf } from "../../shared/labels.ts";
import type { ContainerDocument } from "./inspect.ts";

const STOP_MARGIN_MS = 30_000;
const DEFAULT_STOP_S = 10;

/** With its own signal and timeout, or the signal of the label com.ouroboros.stop_signal. */
export async function stopContainer(
  engine: Engine,
  clock: Clock,
  container: ContainerDocument,
): Promise<void> {
  const seconds = (container.Config["StopTimeout"] as number | null | undefined) ?? DEFAULT_STOP_S;
  const abortSignal = clock.deadline(seconds * 1000 + STOP_MARGIN_MS);
  const signal = signalFor(container.Config.Labels ?? {}, engine);
  const target = engine.patient.getContainer(container.Id);
  if (signal !== undefined && isOlder(engine.api, "1.42"))
    await killAndWait(engine, clock, container, signal);
  await tolerating([ALREADY_SO], target.stop({ abortSignal, ...(signal !== undefined && { signal }) }));
}

const signalFor = (labels: Readonly<Record<string, string>>, { compat }: Engine): string | undefined =>
  labelOf(labels, "com.ouroboros.stop_signal") ?? stopSignalBy(labels, compat);

/** Before API 1.42 stop takes no signal, and a killed container is restarted by its policy. */
async function killAndWait(
  engine: Engine,
  clock: Clock,
  container: ContainerDocument,
  signal: string,
): Promise<void> {
  const target = engine.patient.getContainer(container.Id);
  const seconds = (container.Config["StopTimeout"] as number | null | undefined) ?? DEFAULT_STOP_S;
  await target.update({ RestartPolicy: { Name: "no" } });
  await tolerating([409], target.kill({ signal }));
  await target
    .wait({ condition: "not-running", abortSignal: clock.deadline(seconds * 1000) })
    .catch(() => undefined);
}
