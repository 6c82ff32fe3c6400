// What is asked before a container is touched at all: before_update, and the command that watchtower's label names. Where
// one of them does not agree the container's part of the run ends here, and it is as it was.
import type { ContainerInspectInfo } from "dockerode";
import { changeOf } from "../journal/change.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import type { Run, Update } from "../updater.ts";
import { type Ending, endContainer, endOfVerdict } from "./ends.ts";
import { runLifecycle } from "./lifecycle.ts";
import { askBefore } from "./replace-hooks.ts";

interface AllowedRequest {
  readonly update: Update;
  readonly atMost: number | undefined;
}

export async function isAllowed(
  run: Run,
  { update, atMost }: AllowedRequest,
  old: ContainerInspectInfo,
): Promise<boolean> {
  const { facts, newImage } = update;
  const decided = await askBefore(run, { name: facts.name, old, newImage, atMost });
  return decided.verdict === "proceed" || leave(run, update, old, endOfVerdict(decided));
}

export async function isReady(run: Run, update: Update, old: ContainerInspectInfo): Promise<boolean> {
  const container = old as unknown as ContainerDocument;
  const later = await runLifecycle(run, "pre-update", { container, id: old.Id });
  return (
    later === undefined || leave(run, update, old, { end: "deferred", because: later, by: "pre-update" })
  );
}

async function leave(
  run: Run,
  update: Update,
  { Image }: ContainerInspectInfo,
  ending: Ending,
): Promise<false> {
  const oldImage = await run.bus.host.engine.docker.getImage(Image).inspect();
  await endContainer(run, update, {
    ...ending,
    ...changeOf(oldImage, update.newImage, update.facts.reference),
  });
  return false;
}
