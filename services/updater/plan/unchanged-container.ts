// Looks again at a container that is to be updated: it may have changed while the gate waited or another updater acted.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { type UserMessage, reasonOf } from "../../../shared/catalogue/entry.ts";
import { changedMeanwhile } from "../../../shared/catalogue/update-failures.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import type { Run, Update } from "../updater.ts";

interface LookedAt {
  readonly update: Update;
  /** Ids of the dependencies that the group stopped. */
  readonly stopped: readonly string[];
}

type Look =
  | { readonly inspect: ContainerInspection; readonly changed?: undefined }
  /** Its owner removed, replaced, renamed, stopped or paused it. */
  | { readonly changed: UserMessage };

export async function lookAgain(run: Run, { update, stopped }: LookedAt, id: string): Promise<Look> {
  const inspect = await ifExists(run.bus.host.engine.docker.getContainer(id).inspect());
  if (inspect === undefined) return { changed: reasonOf(changedMeanwhile.removedOrReplaced) };
  if (inspect.Name !== `/${update.facts.name}`)
    return { changed: reasonOf(changedMeanwhile.renamed, { name: inspect.Name.slice(1) }) };
  if (!inspect.State.Running && !stopped.includes(update.facts.id))
    return { changed: reasonOf(changedMeanwhile.stopped) };
  if (inspect.State.Paused) return { changed: reasonOf(changedMeanwhile.paused) };
  return { inspect };
}
