// What the programs that act on an Engine leave there for one another: volumes that nothing mounts. Labels of a volume
// cannot be changed, so what changes is in the name. Engine API: VolumeCreate (of several that make one name at a time one
// makes it, and all are shown that one's labels), VolumeList, VolumeDelete.
import { CONFLICT, type Engine, NOT_FOUND, ignoreStatuses } from "../../../shared/docker/engine.ts";
import type { Labels } from "../../../shared/settings/labels.ts";
import type { LeaseHolder } from "./lease-holder.ts";

const ACTING = "com.ouroboros.acting";
const WHO = "com.ouroboros.acting-who";
const HOME = "com.ouroboros.acting-home";
const PROCESS = "com.ouroboros.acting-process";
const CONTAINERS = "com.ouroboros.acting-containers";

const PREFIX = "ouroboros-";
const LEASE = /^ouroboros-acting-(\d+)$/;
const SIGN = /^ouroboros-(alive|waits|done)-([0-9a-f]+)-\d+$/;

/** `alive`: it holds the lease; `waits`: it would like to; `done`: it has just given it back. */
export type LeaseSignalKind = "alive" | "waits" | "done";

export interface LeaseSignal {
  readonly kind: LeaseSignalKind;
  /** Whose. */
  readonly id: string;
}

export interface LeaseVolumes {
  /** The one that counts: the highest generation. */
  readonly lease: (LeaseHolder & { readonly generation: number }) | undefined;
  /** Names of the others. */
  readonly older: readonly string[];
  readonly signals: readonly string[];
}

/**
 * By their names: an Engine that ends while it makes a volume may have the volume, but not its labels. One with labels of
 * somebody else is none of them.
 */
export async function readLeaseVolumes({ docker }: Engine): Promise<LeaseVolumes> {
  const { Volumes } = await docker.listVolumes({ filters: { name: [PREFIX] } });
  const found = ((Volumes as typeof Volumes | null) ?? []).flatMap(({ Name, Labels: all }) => {
    const labels = (all as Labels | null) ?? {};
    return ACTING in labels || Object.keys(labels).length === 0 ? [{ Name, labels }] : [];
  });
  const leases = found
    .flatMap(({ Name, labels }) => {
      const [, generation] = LEASE.exec(Name) ?? [];
      return generation === undefined
        ? []
        : [{ name: Name, generation: Number(generation), ...parseHolder(labels) }];
    })
    .toSorted((one, other) => other.generation - one.generation);
  const [lease, ...older] = leases;
  return {
    lease,
    older: older.map(({ name }) => name),
    signals: found.flatMap(({ Name }) => (parseLeaseSignal(Name) === undefined ? [] : [Name])),
  };
}

/** Resolves with what there is then: the lease of that generation is whose labels it shows. */
export async function createLeaseVolume(
  engine: Engine,
  generation: number,
  holder: LeaseHolder,
): Promise<LeaseVolumes> {
  for (let tries = 1; ; tries++) {
    await engine.docker.createVolume({ Name: leaseName(generation), Labels: labelsOf(holder) });
    const marks = await readLeaseVolumes(engine);
    if (marks.lease !== undefined || tries === MOST_PRUNES) return marks; // pruned that often between two calls
  }
}

const MOST_PRUNES = 5;

export const leaseName = (generation: number): string => `ouroboros-acting-${generation}`;

/** The Engine tells all who listen to its events; a prune takes the volume, but not the event. Resolves with its name. */
export async function sendLeaseSignal(
  { docker }: Engine,
  { kind, id }: LeaseSignal,
  n: number,
): Promise<string> {
  const name = `ouroboros-${kind}-${id}-${n}`;
  await docker.createVolume({ Name: name, Labels: { [ACTING]: id } });
  return name;
}

export function parseLeaseSignal(volume: string): LeaseSignal | undefined {
  const [, kind, id] = SIGN.exec(volume) ?? [];
  return kind === undefined || id === undefined ? undefined : { kind: kind as LeaseSignalKind, id };
}

export const removeLeaseVolume = ({ docker }: Engine, name: string): Promise<void> =>
  ignoreStatuses([NOT_FOUND, CONFLICT], docker.getVolume(name).remove());

const labelsOf = ({ id, who, home, process, containers }: LeaseHolder): Labels => ({
  [ACTING]: id,
  [WHO]: who,
  [HOME]: home,
  [PROCESS]: process,
  [CONTAINERS]: containers.join(","),
});

const parseHolder = (labels: Labels): LeaseHolder => ({
  id: labels[ACTING] ?? "",
  who: labels[WHO] ?? "another Ouroboros",
  home: labels[HOME] ?? "",
  process: labels[PROCESS] ?? "",
  containers: (labels[CONTAINERS] ?? "").split(",").filter((id) => id !== ""),
});
