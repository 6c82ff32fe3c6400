// Asks the hooks around the replacement of a container: those of an update, or those of a self-update if the
// container is a part of Ouroboros.
import type { ContainerInspection, ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { describeContainer, describeImage } from "../../../shared/containers/payloads-from-engine.ts";
import type { Locals } from "../../../shared/contract/hooks.ts";
import { isOwnPart } from "../../../shared/containers/self-update-policy.ts";
import type { DecisionRecord } from "../../../shared/contract/run-records.ts";
import { commitAndKeep, commitSwap } from "../swap/commit-swap.ts";
import type { Swap } from "../swap/swap-state.ts";
import { keptName } from "../../../shared/containers/swap-names.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import type { Run } from "../updater.ts";
import { timerOptionsOf } from "./swap-resources.ts";

interface BeforeReplacement {
  readonly name: string;
  readonly old: ContainerInspection;
  readonly newImage: ImageInspection;
  readonly atMost: number | undefined;
  /** The image reference of the new container. */
  readonly to: string;
}

const isPartOfOuroboros = ({ bus }: Run, { Id: id, Config }: ContainerInspection): boolean =>
  isOwnPart({ id, labels: Config.Labels }, bus.host);

export async function askBeforeUpdate(
  run: Run,
  { name, old, newImage, atMost, to }: BeforeReplacement,
): Promise<DecisionRecord> {
  const common = {
    container: name,
    reason: run.isRollback
      ? "the operator asked to go back to the image before"
      : whyNewer(old.Config.Image, to),
    ...(atMost !== undefined && { atMost }),
  };
  const locals = { old_container: describeContainer(old), new_image: describeImage(newImage) };
  if (isPartOfOuroboros(run, old))
    return run.gate.ask({ ...common, hook: "before_self_update", locals: { self_name: name, ...locals } });
  const oldImage = await run.bus.host.engine.docker.getImage(old.Image).inspect();
  return run.gate.ask({
    ...common,
    hook: "before_update",
    locals: { ...locals, old_image: describeImage(oldImage) },
  });
}

const whyNewer = (own: string, to: string): string =>
  parseImageRef(own)?.familiar === to
    ? `a newer image of ${own} is here`
    : `${to} is here, which follows ${own}`;

export interface UpdatedContainer {
  readonly swap: Swap;
  readonly old: ContainerInspection;
  readonly successor: ContainerInspection;
  readonly atMost: number | undefined;
}

/** The new container runs and has proved itself: the decision is whether it stays. */
export async function askAfterUpdate(run: Run, updated: UpdatedContainer): Promise<DecisionRecord> {
  const { swap, atMost } = updated;
  const common = {
    container: swap.name,
    reason: "the new container runs and has proved itself",
    ...(atMost !== undefined && { atMost }),
  };
  const locals = {
    ...containersOf(updated),
    new_image: describeImage(swap.newImage),
  };
  if (isPartOfOuroboros(run, updated.successor))
    return run.gate.ask({
      ...common,
      hook: "after_self_update",
      locals: { self_name: swap.name, ...locals },
    });
  const old_image = describeImage(swap.oldImage);
  return run.gate.ask({ ...common, hook: "after_update", locals: { ...locals, old_image } });
}

const containersOf = ({ swap, old, successor }: UpdatedContainer) => ({
  old_container: describeContainer(old, swap.name),
  new_container: describeContainer(successor, swap.name),
});

/**
 * Removes the old container. If a hook forbids that for a part of Ouroboros, it is kept, stopped, under another name.
 */
export async function removeOldContainer(run: Run, updated: UpdatedContainer): Promise<string> {
  const { swap } = updated;
  const context = timerOptionsOf(run, swap.name);
  if (!isPartOfOuroboros(run, updated.successor)) {
    await commitSwap(swap, context);
    return "the new container proved itself";
  }
  const common = { container: swap.name, locals: containersOf(updated) };
  const reason = "the new container does the work now";
  const decided = await run.gate.ask({ ...common, hook: "before_self_cleanup", reason });
  if (decided.verdict === "proceed") {
    await commitSwap(swap, context);
    await askAfterCleanup(run, swap.name, common.locals);
    return "the new container proved itself";
  }
  const kept = keptName(swap.name, swap.run);
  await commitAndKeep(swap, kept, context);
  return `the new container proved itself; the old one is kept as ${kept}: ${decided.reason ?? "no reason given"}`;
}

export const askAfterCleanup = (
  run: Run,
  container: string,
  locals: Locals<"after_self_cleanup">,
): Promise<DecisionRecord> =>
  run.gate.ask({
    container,
    locals,
    hook: "after_self_cleanup",
    reason: "the old container was removed",
  });
