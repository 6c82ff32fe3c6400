// What the owner of a container put in its place while it was updated.
// Compose takes the successor that waits beside the running old container for a second instance of the service: `up` removes
// one of the two, and starts the other where it does not run. Where it kept the successor, that is the container now.
import type { ContainerInfo } from "dockerode";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import type { Clock } from "../../../shared/clock.ts";
import type { Labels } from "../../../shared/settings/labels.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import { isSwapName, primaryName } from "../../../shared/containers/swap-names.ts";

const LEFT_TO_COMPOSE_MS = 10_000;
const LOOK_EVERY_MS = 100;

const PROJECT = "com.docker.compose.project";
const SAME_SERVICE = [PROJECT, "com.docker.compose.service", "com.docker.compose.container-number"];

export interface ReplacementContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly name: string;
  readonly old: ContainerDocument;
  /** The old container made again. */
  readonly restored?: string;
  readonly successor: string | undefined;
  /** What else was made in the transaction: old id → new id. */
  readonly replaced: ReadonlyMap<string, string>;
}

/** A container that its owner put in the place of one that is updated. */
export interface Replacement {
  readonly id: string;
  readonly name: string;
  /** It bears the name; or is to bear it, as compose made it for the same service; or has its port or its volume. */
  readonly by: "name" | "service" | "place";
}

/** `kept`: the name of the old container, where that is not removed. */
export const describeReplacement = ({ id, name }: Replacement, kept?: string): string =>
  `somebody replaced it meanwhile, by their container ${name} (${id.slice(0, 12)})` +
  (kept === undefined
    ? ""
    : `; the old container is kept, stopped, as ${kept}: remove it if you do not need it`);

/**
 * Somebody removed the old container and started the successor, which the updater had not. Compose starts what it created
 * or kept after all services of its project are there, so this waits a while.
 */
export async function isSuccessorAdopted(swap: ReplacementContext, successor: string): Promise<boolean> {
  const { engine, clock, name, old, restored } = swap;
  const inspect = (id: string) => ifExists(engine.docker.getContainer(id).inspect());
  if (restored !== undefined || (await inspect(old.Id)) !== undefined) return false;
  const labels = old.Config.Labels ?? {};
  const patience = SAME_SERVICE.every((key) => key in labels) ? LEFT_TO_COMPOSE_MS : 0;
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const found = await inspect(successor);
    if (found === undefined || found.State.Running) return found !== undefined;
    if (waited >= patience || (await inspect(name)) !== undefined) return false;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/**
 * A container of the owner's that bears the name. Where they removed one of ours and nothing bears the name: one that compose
 * made for the same service and number and has yet to name, or one that has its port or volume since then.
 */
export async function findReplacement(
  it: Omit<ReplacementContext, "clock">,
): Promise<Replacement | undefined> {
  const { engine, old, name, successor, restored, replaced } = it;
  const listed = await engine.docker.listContainers({ all: true });
  const ours = [old.Id, successor, restored, ...replaced.values()].filter((id) => id !== undefined);
  const isOurs = ({ Id }: ContainerInfo): boolean => ours.some((id) => Id.startsWith(id));
  const named = listed.find(({ Names }) => Names.includes(`/${name}`));
  if (named !== undefined) return isOurs(named) ? undefined : makeReplacement(named, "name");
  const isGone = (id: string): boolean => !listed.some(({ Id }) => Id.startsWith(id));
  const wasRemoved = isGone(old.Id) || (successor !== undefined && isGone(successor));
  if (!wasRemoved) return undefined;
  const others = listed.filter((one) => !isOurs(one) && !isSwapName(nameOf(one)));
  const labels = old.Config.Labels ?? {};
  const isSameService = (one: ContainerInfo): boolean =>
    SAME_SERVICE.every((key) => key in labels && labelsOf(one)[key] === labels[key]);
  const made = others.find(isSameService);
  if (made !== undefined) return makeReplacement(made, "service");
  const inPlace = await findInPlace(it, others);
  return inPlace && makeReplacement(inPlace, "place");
}

const makeReplacement = (one: ContainerInfo, by: Replacement["by"]): Replacement => ({
  id: one.Id,
  name: nameOf(one),
  by,
});

const nameOf = ({ Names, Id }: ContainerInfo): string => primaryName(Names) || Id;

/** The Engine says null where the image has no configuration and nobody set any. */
const labelsOf = ({ Labels: labels }: { readonly Labels: Labels | null }): Labels => labels ?? {};

/** It runs, was made since the old one was stopped, and has a published port of it, or a volume of it at the same path. */
async function findInPlace(
  { engine, old }: Pick<ReplacementContext, "engine" | "old">,
  others: readonly ContainerInfo[],
): Promise<ContainerInfo | undefined> {
  const stopped = (await ifExists(engine.docker.getContainer(old.Id).inspect()))?.State;
  if (stopped === undefined || stopped.Running) return undefined;
  const since = Date.parse(stopped.FinishedAt);
  const isOtherService = (one: ContainerInfo): boolean =>
    PROJECT in labelsOf(one) && PROJECT in (old.Config.Labels ?? {});
  const ports = Object.entries(old.HostConfig.PortBindings ?? {}).flatMap(([port, bindings]) =>
    ((bindings ?? []) as readonly { readonly HostPort?: string }[]).map(
      ({ HostPort }) => `${HostPort ?? ""}/${port.split("/")[1] ?? "tcp"}`,
    ),
  );
  const mounts = old.Mounts.filter(({ RW }) => RW).map(mountIdentity);
  return others.find(
    (one) =>
      one.State === "running" &&
      one.Created * 1000 + 999 >= since &&
      !isOtherService(one) &&
      (one.Ports.some(({ PublicPort, Type }) => ports.includes(`${PublicPort ?? "none"}/${Type}`)) ||
        one.Mounts.some((mount) => mount.RW && mounts.includes(mountIdentity(mount)))),
  );
}

const mountIdentity = (mount: { Name?: string | undefined; Source: string; Destination: string }): string =>
  `${mount.Name ?? mount.Source} ${mount.Destination}`;
