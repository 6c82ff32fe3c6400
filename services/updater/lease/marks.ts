// What the programs that act on an Engine leave there for one another: volumes that nothing mounts. Labels of a volume
// cannot be changed, so what changes is in the name. Engine API: VolumeCreate (of several that make one name at a time one
// makes it, and all are shown that one's labels), VolumeList, VolumeDelete.
import { CONFLICT, type Engine, GONE, tolerating } from "../../../shared/engine.ts";
import type { Labels } from "../../../shared/labels.ts";
import type { Holder } from "./holder.ts";

const ACTING = "com.ouroboros.acting";
const WHO = "com.ouroboros.acting-who";
const HOME = "com.ouroboros.acting-home";
const PROCESS = "com.ouroboros.acting-process";
const CONTAINERS = "com.ouroboros.acting-containers";

const PREFIX = "ouroboros-";
const LEASE = /^ouroboros-acting-(\d+)$/;
const SIGN = /^ouroboros-(alive|waits|done)-([0-9a-f]+)-\d+$/;

/** `alive`: it holds the lease; `waits`: it would like to; `done`: it has just given it back. */
export type SignKind = "alive" | "waits" | "done";

export interface Sign {
  readonly kind: SignKind;
  /** Whose. */
  readonly id: string;
}

export interface Marks {
  /** The one that counts: the highest generation. */
  readonly lease: (Holder & { readonly generation: number }) | undefined;
  /** Names of the others. */
  readonly older: readonly string[];
  readonly signs: readonly string[];
}

/**
 * By their names: an Engine that ends while it makes a volume may have the volume, but not its labels. One with labels of
 * somebody else is none of them.
 */
export async function readMarks({ docker }: Engine): Promise<Marks> {
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
        : [{ name: Name, generation: Number(generation), ...holderIn(labels) }];
    })
    .toSorted((one, other) => other.generation - one.generation);
  const [lease, ...older] = leases;
  return {
    lease,
    older: older.map(({ name }) => name),
    signs: found.flatMap(({ Name }) => (signIn(Name) === undefined ? [] : [Name])),
  };
}

/** Resolves with what there is then: the lease of that generation is whose labels it shows. */
export async function makeLease(engine: Engine, generation: number, holder: Holder): Promise<Marks> {
  for (let tries = 1; ; tries++) {
    await engine.docker.createVolume({ Name: leaseName(generation), Labels: labelsOf(holder) });
    const marks = await readMarks(engine);
    if (marks.lease !== undefined || tries === MOST_PRUNES) return marks; // pruned that often between two calls
  }
}

const MOST_PRUNES = 5;

export const leaseName = (generation: number): string => `ouroboros-acting-${generation}`;

/** The Engine tells all who listen to its events; a prune takes the volume, but not the event. Resolves with its name. */
export async function giveSign({ docker }: Engine, { kind, id }: Sign, n: number): Promise<string> {
  const name = `ouroboros-${kind}-${id}-${n}`;
  await docker.createVolume({ Name: name, Labels: { [ACTING]: id } });
  return name;
}

export function signIn(volume: string): Sign | undefined {
  const [, kind, id] = SIGN.exec(volume) ?? [];
  return kind === undefined || id === undefined ? undefined : { kind: kind as SignKind, id };
}

export const removeMark = ({ docker }: Engine, name: string): Promise<void> =>
  tolerating([GONE, CONFLICT], docker.getVolume(name).remove());

const labelsOf = ({ id, who, home, process, containers }: Holder): Labels => ({
  [ACTING]: id,
  [WHO]: who,
  [HOME]: home,
  [PROCESS]: process,
  [CONTAINERS]: containers.join(","),
});

const holderIn = (labels: Labels): Holder => ({
  id: labels[ACTING] ?? "",
  who: labels[WHO] ?? "another Ouroboros",
  home: labels[HOME] ?? "",
  process: labels[PROCESS] ?? "",
  containers: (labels[CONTAINERS] ?? "").split(",").filter((id) => id !== ""),
});
