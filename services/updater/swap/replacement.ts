// Finds the container that an owner put in the place of one that is being updated.
// Compose takes the successor, created beside the running old container, for a second instance of the service: `up`
// removes one of the two and starts the other if it does not run. If it kept the successor, it is the container now.
import type { ContainerInfo } from "dockerode";
import { type UserMessage, messageOf, reasonOf } from "../../../shared/catalogue/entry.ts";
import { changedMeanwhile } from "../../../shared/catalogue/update-failures.ts";
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { Labels } from "../../../shared/settings/labels.ts";
import { isSwapName, primaryName } from "../../../shared/containers/swap-names.ts";

const LEFT_TO_COMPOSE_MS = 10_000;
const REMOVED_BY_COMPOSE_MS = 3000;
const LOOK_EVERY_MS = 100;

const PROJECT = "com.docker.compose.project";
const SAME_SERVICE = [PROJECT, "com.docker.compose.service", "com.docker.compose.container-number"];

export interface ReplacementContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly name: string;
  readonly old: ContainerInspection;
  /** The id of the recreated old container. */
  readonly restored?: string | undefined;
  readonly successor: string | undefined;
  /** Containers recreated in this transaction: old id → new id. */
  readonly replaced: ReadonlyMap<string, string>;
}

/** A container that the owner put in the place of one that is being updated. */
export interface Replacement {
  readonly id: string;
  readonly name: string;
  /**
   * `name`: it has the name. `service`: compose made it for the same service. `place`: it has the port or the volume.
   */
  readonly by: "name" | "service" | "place";
}

/** `kept`: the name under which the old container is kept, if it is. */
export const describeReplacement = ({ id, name }: Replacement, kept?: string): UserMessage =>
  kept === undefined
    ? reasonOf(changedMeanwhile.replacedBy, { name, id: id.slice(0, 12) })
    : messageOf(changedMeanwhile.replacedAndKept, { name, id: id.slice(0, 12), kept });

/**
 * Somebody removed the old container and started the successor, which the updater had not started, and no other
 * container has its place. Compose starts the containers it created or kept only after all services of the project
 * exist, so this waits a while.
 */
export async function isSuccessorAdopted(swap: ReplacementContext, successor: string): Promise<boolean> {
  const { engine, clock, old, restored } = swap;
  const isCompose = SAME_SERVICE.every((key) => key in (old.Config.Labels ?? {}));
  if (restored !== undefined || !(await isRemoved(swap, isCompose ? REMOVED_BY_COMPOSE_MS : 0))) return false;
  const waitMs = isCompose ? LEFT_TO_COMPOSE_MS : 0;
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const found = await ifExists(engine.docker.getContainer(successor).inspect());
    if (found === undefined || (await findReplacement(swap)) !== undefined) return false;
    if (found.State.Running) return true;
    if (waited >= waitMs) return false;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** Compose stops the instance that it does not keep, and removes it right after: a stopped one is given that time. */
async function isRemoved({ engine, clock, old }: ReplacementContext, waitMs: number): Promise<boolean> {
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const found = await ifExists(engine.docker.getContainer(old.Id).inspect());
    if (found === undefined) return true;
    if (found.State.Running || waited >= waitMs) return false;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/**
 * The owner's container that has the name. If they removed one of ours and no container has the name: one that
 * compose made for the same service and number and has yet to rename, or one that has taken the port or the volume
 * since then.
 */
export async function findReplacement(
  context: Omit<ReplacementContext, "clock">,
): Promise<Replacement | undefined> {
  const { engine, old, name, successor, restored, replaced } = context;
  const listed = await engine.docker.listContainers({ all: true });
  const ours = [old.Id, successor, restored, ...replaced.values()].filter((id) => id !== undefined);
  const isOurs = ({ Id }: ContainerInfo): boolean => ours.some((id) => Id.startsWith(id));
  const named = listed.find(({ Names }) => Names.includes(`/${name}`));
  if (named !== undefined) return isOurs(named) ? undefined : makeReplacement(named, "name");
  const isGone = (id: string): boolean => !listed.some(({ Id }) => Id.startsWith(id));
  const wasRemoved = isGone(old.Id) || (successor !== undefined && isGone(successor));
  if (!wasRemoved) return undefined;
  const foreign = listed.filter((listing) => !isOurs(listing) && !isSwapName(nameOf(listing)));
  const labels = old.Config.Labels ?? {};
  const isSameService = (container: ContainerInfo): boolean =>
    SAME_SERVICE.every((key) => key in labels && labelsOf(container)[key] === labels[key]);
  const made = foreign.find(isSameService);
  if (made !== undefined) return makeReplacement(made, "service");
  const inPlace = await findInPlace(context, foreign);
  return inPlace && makeReplacement(inPlace, "place");
}

const makeReplacement = (container: ContainerInfo, by: Replacement["by"]): Replacement => ({
  id: container.Id,
  name: nameOf(container),
  by,
});

const nameOf = ({ Names, Id }: ContainerInfo): string => primaryName(Names) || Id;

/** The Engine shows null if the image has no configuration and nobody set a label. */
const labelsOf = ({ Labels: labels }: { readonly Labels: Labels | null }): Labels => labels ?? {};

/**
 * A container that runs, was made since the old one was stopped, and has a published port of the old one, or a volume
 * of it at the same path.
 */
async function findInPlace(
  { engine, old }: Pick<ReplacementContext, "engine" | "old">,
  foreign: readonly ContainerInfo[],
): Promise<ContainerInfo | undefined> {
  const stopped = (await ifExists(engine.docker.getContainer(old.Id).inspect()))?.State;
  if (stopped === undefined || stopped.Running) return undefined;
  const since = Date.parse(stopped.FinishedAt);
  const isOtherService = (container: ContainerInfo): boolean =>
    PROJECT in labelsOf(container) && PROJECT in (old.Config.Labels ?? {});
  const ports = Object.entries(old.HostConfig.PortBindings ?? {}).flatMap(([port, bindings]) =>
    ((bindings ?? []) as readonly { readonly HostPort?: string }[]).map(
      ({ HostPort }) => `${HostPort ?? ""}/${port.split("/")[1] ?? "tcp"}`,
    ),
  );
  const mounts = old.Mounts.filter(({ RW }) => RW).map(mountIdentity);
  return foreign.find(
    (container) =>
      container.State === "running" &&
      container.Created * 1000 + 999 >= since &&
      !isOtherService(container) &&
      (container.Ports.some(({ PublicPort, Type }) => ports.includes(`${PublicPort ?? "none"}/${Type}`)) ||
        container.Mounts.some((mount) => mount.RW && mounts.includes(mountIdentity(mount)))),
  );
}

const mountIdentity = (mount: { Name?: string | undefined; Source: string; Destination: string }): string =>
  `${mount.Name ?? mount.Source} ${mount.Destination}`;
