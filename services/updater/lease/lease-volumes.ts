// The lease and its signals as volumes on the Engine, which nothing mounts. A volume's labels cannot change, so
// whatever changes is in its name. Engine API: VolumeCreate (if several processes create one name at the same time,
// one of them creates it and all see the labels of that one), VolumeList, VolumeDelete.
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
const SIGNAL = /^ouroboros-(alive|waits|done)-([0-9a-f]+)-\d+$/;

/** `alive`: the sender holds the lease; `waits`: it wants the lease; `done`: it has just released the lease. */
export type LeaseSignalKind = "alive" | "waits" | "done";

export interface LeaseSignal {
  readonly kind: LeaseSignalKind;
  /** The sender's LeaseHolder id. */
  readonly id: string;
}

export interface LeaseVolumes {
  /** The lease that counts: the highest generation. */
  readonly lease: (LeaseHolder & { readonly generation: number }) | undefined;
  /** Names of the leases of earlier generations. */
  readonly older: readonly string[];
  readonly signals: readonly string[];
}

/**
 * Finds the volumes by name: an Engine that ends while it creates a volume may keep the volume without its labels. A
 * volume with only foreign labels is not ours.
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
    .toSorted((a, b) => b.generation - a.generation);
  const [lease, ...older] = leases;
  return {
    lease,
    older: older.map(({ name }) => name),
    signals: found.flatMap(({ Name }) => (parseLeaseSignal(Name) === undefined ? [] : [Name])),
  };
}

/** Resolves with the volumes after the call: the labels of the lease tell which process got the generation. */
export async function createLeaseVolume(
  engine: Engine,
  generation: number,
  holder: LeaseHolder,
): Promise<LeaseVolumes> {
  for (let tries = 1; ; tries++) {
    await engine.docker.createVolume({ Name: leaseName(generation), Labels: labelsOf(holder) });
    const volumes = await readLeaseVolumes(engine);
    if (volumes.lease !== undefined || tries === MOST_PRUNES) return volumes; // else a prune came between the calls
  }
}

const MOST_PRUNES = 5;

export const leaseName = (generation: number): string => `ouroboros-acting-${generation}`;

/** The Engine reports the volume as an event, which a prune cannot take back. Resolves with the volume's name. */
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
  const [, kind, id] = SIGNAL.exec(volume) ?? [];
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
