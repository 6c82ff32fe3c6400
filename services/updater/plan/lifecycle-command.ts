// Runs the commands of watchtower's labels inside the container, where COMPAT_LABELS names watchtower. As in
// watchtower, exit code 75 of pre-update defers the update; any other failure is logged and changes nothing.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { imageLabelsOf } from "../../../shared/containers/payloads-from-engine.ts";
import { type LifecyclePhase, readLifecycleCommand } from "../../../shared/containers/compat-labels.ts";
import { selectEffectiveLabels } from "../../../shared/containers/effective-labels.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { type CommandResult, runInside } from "../containers/run-inside.ts";
import { redactOutput } from "../containers/redact-output.ts";
import type { Run } from "../updater.ts";

/** EX_TEMPFAIL */
const EXIT_TRY_LATER = 75;

/** Runs in the container `id`, by the labels of `container`. Resolves with the reason if the update is deferred. */
export async function runLifecycleCommand(
  run: Run,
  phase: LifecyclePhase,
  {
    container,
    id,
  }: { readonly container: Pick<ContainerInspection, "Name" | "Config" | "Image">; readonly id: string },
): Promise<string | undefined> {
  const { host, clock, context } = run.bus;
  const { COMPAT_LABELS: compat } = context.settings;
  if (readLifecycleCommand(container.Config.Labels ?? {}, phase, compat) === undefined) return undefined;
  const image = await ifExists(host.engine.docker.getImage(container.Image).inspect());
  const { labels } = selectEffectiveLabels(
    container.Config.Labels,
    image === undefined ? "unknown" : imageLabelsOf(image),
  );
  const lifecycleCommand = readLifecycleCommand(labels, phase, compat);
  if (lifecycleCommand === undefined) return undefined;
  const log = run.log.child({ container: container.Name.slice(1), command: phase });
  const from = clock.monotonic();
  const deadline = clock.deadline(lifecycleCommand.timeoutMs, run.hardStop);
  let result: CommandResult | undefined;
  try {
    result = await runInside(host.engine, id, lifecycleCommand.command, deadline);
  } catch (error) {
    const because = deadline.aborted
      ? `not done within ${lifecycleCommand.timeoutMs / 1000} s`
      : explain(error);
    log.error({ because }, "lifecycle command failed");
  }
  await run.journal.write({
    kind: "did",
    container: container.Name.slice(1),
    step: `run ${phase} in it`,
    ms: Math.round(clock.monotonic() - from),
  });
  if (result === undefined || result.code === 0) return undefined;
  if (phase === "pre-update" && result.code === EXIT_TRY_LATER)
    return `its command ${phase} asked to wait (exit code ${EXIT_TRY_LATER}): ${redactOutput(result.output, container.Config.Env)}`;
  log.error({ code: result.code, said: result.output }, "lifecycle command failed");
  return undefined;
}
