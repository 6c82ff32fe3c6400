// Commands that watchtower's labels ask for, in the container itself, where COMPAT_LABELS names watchtower. As there:
// exit code 75 of pre-update puts the update off, any other failure is told and changes nothing.
import { imageLabelsOf } from "../../../shared/containers/payloads-from-engine.ts";
import { type LifecyclePhase, readLifecycleCommand } from "../../../shared/containers/compat-labels.ts";
import { selectEffectiveLabels } from "../../../shared/containers/effective-labels.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import { type CommandResult, runInside } from "../containers/run-inside.ts";
import { redactOutput } from "../containers/redact-output.ts";
import type { Run } from "../updater.ts";

/** EX_TEMPFAIL */
const EXIT_TRY_LATER = 75;

/** In the container `id`, by the labels of `container`. Resolves with why the update is put off, if it is. */
export async function runLifecycleCommand(
  run: Run,
  phase: LifecyclePhase,
  {
    container,
    id,
  }: { readonly container: Pick<ContainerDocument, "Name" | "Config" | "Image">; readonly id: string },
): Promise<string | undefined> {
  const { host, clock, context } = run.bus;
  const { COMPAT_LABELS: compat } = context.settings;
  if (readLifecycleCommand(container.Config.Labels ?? {}, phase, compat) === undefined) return undefined;
  const image = await ifExists(host.engine.docker.getImage(container.Image).inspect());
  const { labels } = selectEffectiveLabels(
    container.Config.Labels,
    image === undefined ? "unknown" : imageLabelsOf(image),
  );
  const asked = readLifecycleCommand(labels, phase, compat);
  if (asked === undefined) return undefined;
  const log = run.log.child({ container: container.Name.slice(1), command: phase });
  const from = clock.monotonic();
  const over = clock.deadline(asked.timeoutMs, run.hardStop);
  let ran: CommandResult | undefined;
  try {
    ran = await runInside(host.engine, id, asked.command, over);
  } catch (error) {
    const because = over.aborted ? `not done within ${asked.timeoutMs / 1000} s` : explain(error);
    log.error({ because }, "lifecycle command failed");
  }
  await run.journal.write({
    kind: "did",
    container: container.Name.slice(1),
    step: `run ${phase} in it`,
    ms: Math.round(clock.monotonic() - from),
  });
  if (ran === undefined || ran.code === 0) return undefined;
  if (phase === "pre-update" && ran.code === EXIT_TRY_LATER)
    return `its command ${phase} asked to wait (exit code ${EXIT_TRY_LATER}): ${redactOutput(ran.output, container.Config.Env)}`;
  log.error({ code: ran.code, said: ran.output }, "lifecycle command failed");
  return undefined;
}
