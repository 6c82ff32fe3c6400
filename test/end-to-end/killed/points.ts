// Where the updater is killed: after each step of the product's own lists and after each undo, which a new step joins by
// being there; and at the points of a run outside of those lists.
import { recreateDependants } from "../../../services/updater/swap/recreate-dependants.ts";
import { verifySuccessor } from "../../../services/updater/swap/swap.ts";
import { recreateSteps, swapSteps } from "../../../services/updater/swap/swap-steps.ts";
import {
  type Policy,
  type Role,
  type Scene,
  type SceneName,
  isPutBack,
  nameOf,
  sceneNames,
  sceneOf,
} from "./scenes.ts";

/** A case's containers, as they were before the run. */
export interface Deployed {
  readonly key: number;
  readonly ids: Readonly<Partial<Record<Role, string>>>;
}

export interface CrashPoint {
  readonly says: string;
  readonly scenes: readonly SceneName[];
  /** Pattern of the moment in a case's update (test/support/crashing-updater.ts). */
  readonly patternOf: (deployed: Deployed) => string;
  /** One moment for the whole run: all of a run's cases have it. */
  readonly ofTheRun?: true;
  /** The process that recovers dies too, after so many changes of the Engine. */
  readonly recoveryDiesAt?: number;
}

export interface Case {
  readonly point: CrashPoint;
  readonly scene: SceneName;
  readonly policy: Policy;
}

const where = (isThere: (scene: Scene) => unknown): SceneName[] =>
  sceneNames.filter((name) => isThere(sceneOf(name)));
const has = (role: Role) => where(({ beside }) => beside.includes(role));
const ends = (end: "updated" | "rolled_back") =>
  where((scene) => isPutBack(scene) === (end === "rolled_back"));
const both = (one: readonly SceneName[], other: readonly SceneName[]) =>
  one.filter((name) => other.includes(name));

const [proofIndex, childIndex] = [verifySuccessor, recreateDependants].map((step) =>
  swapSteps.indexOf(step),
) as [number, number];
/** A bad image comes as far as its proof; one of a dependant as far as its start. */
const reaching = (index: number) =>
  where(
    ({ isBad, childIs }) => !(isBad && index >= proofIndex) && !(childIs === "bad" && index >= childIndex),
  );

const web = (key: number) => nameOf("web", key);

const steps: readonly CrashPoint[] = swapSteps.map(({ name }, index) => ({
  says: `after "${name}"`,
  scenes: reaching(index),
  patternOf: ({ key }) => `step ${name} of ${web(key)}`,
}));

const undos: readonly CrashPoint[] = swapSteps.flatMap(({ name, undo }, index) =>
  undo === undefined
    ? []
    : [
        {
          says: `after "${name}" was undone`,
          scenes: both(ends("rolled_back"), reaching(index)),
          patternOf: ({ key }: Deployed) => `undone ${name} of ${web(key)}`,
        },
      ],
);

const recreations: readonly CrashPoint[] = (["child", "hard"] as const).flatMap((role) =>
  recreateSteps.map(({ name }, index) => ({
    says: `after "${name}" of a ${role === "child" ? "dependant" : "hard dependency"}`,
    scenes: both(has(role), reaching(index < recreateSteps.length - 1 ? proofIndex : childIndex)),
    patternOf: ({ key }: Deployed) => `step ${name} of ${nameOf(role, key)}`,
  })),
);

const decided = (hook: string, role: Role, among: readonly SceneName[]): CrashPoint => ({
  says: `after the decision of ${hook} was recorded`,
  scenes: among,
  patternOf: ({ key }) => `record decided ${hook} ${nameOf(role, key)}`,
});
const stopped = (role: "soft" | "hard"): CrashPoint => ({
  says: `after the ${role} dependency was stopped`,
  scenes: has(role),
  patternOf: ({ ids }) => `POST /containers/${ids[role] ?? ""}/stop.*`,
});
const removed = (role: "web" | "child", says: string): CrashPoint => ({
  says,
  scenes: both(ends("updated"), role === "web" ? sceneNames : has(role)),
  patternOf: ({ ids }) => `DELETE /containers/${ids[role] ?? ""}\\?.*`,
});

const outside: readonly CrashPoint[] = [
  decided("before_stop_depends_container", "soft", has("soft")),
  stopped("soft"),
  stopped("hard"),
  decided("before_update", "web", sceneNames),
  {
    says: "after the journal said swapping",
    scenes: sceneNames,
    patternOf: ({ key }) => `record swapping ${web(key)}`,
  },
  {
    says: "after the journal said swapped",
    scenes: reaching(childIndex),
    patternOf: ({ key }) => `record swapped ${web(key)}`,
  },
  ...["swapping", "swapped", "ended"].map((kind) => ({
    says: `after the journal said ${kind} of a dependant`,
    scenes: where(({ childIs }) => childIs === "good"),
    patternOf: ({ key }: Deployed) => `record ${kind} ${nameOf("child", key)}`,
  })),
  decided("after_update", "web", reaching(childIndex)),
  decided(
    "after_update",
    "child",
    where(({ childIs }) => childIs === "good"),
  ),
  decided(
    "before_update",
    "child",
    where(({ childIs }) => childIs !== undefined),
  ),
  removed("child", "after a dependant's backup was removed"),
  removed("web", "after the backup was removed"),
  {
    says: "after the journal said ended",
    scenes: sceneNames,
    patternOf: ({ key }) => `record ended ${web(key)}`,
  },
  {
    says: "after the soft dependency was started",
    scenes: has("soft"),
    patternOf: ({ key }) => `POST /containers/${nameOf("soft", key)}/start.*`,
  },
  decided("before_recreate_hard_depends_container", "hard", has("hard")),
  decided("after_recreate_hard_depends_container", "hard", has("hard")),
];

const half = "give the name to the successor"; // the names are exchanged from here on
const recoveries: readonly CrashPoint[] = [half, "move the old container's name aside"].flatMap((name) =>
  [1, 2].map((n) => ({
    says: `after "${name}", and again after change ${n} of its recovery`,
    scenes: sceneNames,
    patternOf: ({ key }: Deployed) => `step ${name} of ${web(key)}`,
    ofTheRun: true as const,
    recoveryDiesAt: n,
  })),
);

const ofTheRun: readonly CrashPoint[] = [
  {
    says: "after the marker volume was made",
    scenes: has("soft"),
    patternOf: () => "POST /volumes/create.*",
  },
  { says: "after the marker volume was removed", scenes: has("soft"), patternOf: () => "DELETE /volumes/.*" },
  { says: "after the journal said finished", scenes: sceneNames, patternOf: () => "record finished" },
].map((point) => ({ ...point, ofTheRun: true as const }));

const kinds = {
  "after each step": steps,
  "after each undo": undos,
  "after each step of another container's recreation": recreations,
  "at hooks, records and calls between the steps": outside,
  "at the run's own marks": ofTheRun,
  "and again in the middle of recovery": recoveries,
};
export type Kind = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as Kind[];
/** Those of the product's own lists. */
export const stepKinds: readonly Kind[] = [
  "after each step",
  "after each step of another container's recreation",
];

export const points: readonly CrashPoint[] = Object.values(kinds).flat();
export function kindOf(point: CrashPoint): Kind {
  const kind = kindNames.find((one) => kinds[one].includes(point));
  if (kind === undefined) throw new Error(`a point of no kind: ${point.says}`);
  return kind;
}
