// Asks before a container is touched at all: the hook before_update, and the pre-update command of watchtower's
// label. If either does not agree, the container's part of the run ends here and the container stays as it was.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { describeChange } from "../journal/recorded-change.ts";
import type { Run, Update } from "../updater.ts";
import { type ResultDetails, finishContainer, resultOfVerdict } from "./finish-container.ts";
import { runLifecycleCommand } from "./lifecycle-command.ts";
import { askBeforeUpdate } from "./replace-hooks.ts";

interface BeforeUpdateRequest {
  readonly update: Update;
  readonly atMost: number | undefined;
}

export async function isUpdateAllowed(
  run: Run,
  { update, atMost }: BeforeUpdateRequest,
  old: ContainerInspection,
): Promise<boolean> {
  const { facts, newImage, ref } = update;
  const decided = await askBeforeUpdate(run, { name: facts.name, old, newImage, atMost, to: ref.familiar });
  return decided.verdict === "proceed" || finishUnapproved(run, update, old, resultOfVerdict(decided));
}

export async function isPreUpdateDone(run: Run, update: Update, old: ContainerInspection): Promise<boolean> {
  const container = old;
  const deferReason = await runLifecycleCommand(run, "pre-update", { container, id: old.Id });
  return (
    deferReason === undefined ||
    finishUnapproved(run, update, old, { end: "deferred", because: deferReason, by: "pre-update" })
  );
}

async function finishUnapproved(
  run: Run,
  update: Update,
  { Image }: ContainerInspection,
  ending: ResultDetails,
): Promise<false> {
  const oldImage = await run.bus.host.engine.docker.getImage(Image).inspect();
  await finishContainer(run, update, {
    ...ending,
    ...describeChange(oldImage, update.newImage, update.facts.reference),
  });
  return false;
}
