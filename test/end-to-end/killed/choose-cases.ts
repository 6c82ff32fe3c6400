// Which cases are run: all combinations are some thousand. Deterministic: the same table gives the same choice.
import type { Batch } from "./run-batch.ts";
import { type FaultName, faultNames } from "./faults.ts";
import { type Case, kindOf, points, stepKinds } from "./points.ts";
import { plainScenes, policies, sceneOf } from "./scenes.ts";
import { AT_MOST } from "./session.ts";

export interface CaseWithFault extends Case {
  readonly fault: FaultName;
}

/** Every point in every scene where it comes up, with every policy and every fault. */
export const allCases: readonly CaseWithFault[] = points.flatMap((point) =>
  point.scenes.flatMap((scene) =>
    faultNames.flatMap((fault) => policies.map((policy) => ({ point, scene, policy, fault }))),
  ),
);

/** After a step of the product's own lists, in an update in which nothing goes wrong by itself. */
export const isStep = ({ point, scene }: CaseWithFault): boolean =>
  plainScenes.includes(scene) && stepKinds.includes(kindOf(point));

/** So many more that each combination which one of all holds is held. Greedy: those with the most new ones first. */
export function chooseCovering<One>(
  all: readonly One[],
  combinationsOf: (one: One) => readonly string[],
  chosenBefore: readonly One[] = [],
): One[] {
  const missing = new Set(all.flatMap(combinationsOf));
  for (const each of chosenBefore.flatMap(combinationsOf)) missing.delete(each);
  const gainOf = (one: One): number => combinationsOf(one).filter((each) => missing.has(each)).length;
  const chosen: One[] = [];
  for (let gain = Math.max(0, ...all.map(gainOf)); gain > 0; gain--) {
    for (const one of all) {
      if (gainOf(one) < gain) continue;
      chosen.push(one);
      for (const each of combinationsOf(one)) missing.delete(each);
    }
  }
  return chosen;
}

/** Each point, and of scenes, policies and faults each two together. */
export const eachPoint = ({ point, scene, policy, fault }: CaseWithFault): string[] => [
  point.says,
  ...together([scene, `policy ${policy}`, `fault ${fault}`], 2),
];

/**
 * The same, and where nothing goes wrong by itself each point with the updater alone killed and with one of the faults
 * beside, in turn, alone and with others, with a policy that starts it again and one that leaves it, in turn. Each point
 * with everything is killed.full-test.ts's.
 */
export function pairs({ point, scene, policy, fault }: CaseWithFault): string[] {
  const around = together([scene, `policy ${policy}`, `fault ${fault}`], 2);
  if (point.ofTheRun) return [point.says, `a point of the run; ${fault}`, ...around];
  if (!plainScenes.includes(scene)) return [point.says, ...around];
  const n = points.indexOf(point);
  const inTurn = faultNames[1 + (n % (faultNames.length - 1))];
  const own = [
    ...(fault === "none" || fault === inTurn ? [fault] : []),
    scene === "alone" ? scene : "with others",
    ...(policies.indexOf(policy) >> 1 === n % 2 ? [policy] : []),
  ];
  return [point.says, ...around, ...own.map((one) => `${point.says}; ${one}`)];
}

/** Of points, scenes, policies, faults and Engines each three together. */
export const triples = ({
  point,
  scene,
  policy,
  fault,
  engine,
}: CaseWithFault & { readonly engine: string }): string[] =>
  together([point.says, scene, `policy ${policy}`, `fault ${fault}`, engine], 3);

function together(values: readonly string[], size: number): string[] {
  if (size === 0) return [""];
  return values.flatMap((first, index) =>
    together(values.slice(index + 1), size - 1).map((rest) => `${first}; ${rest}`),
  );
}

/** Cases of one run have the same fault, and die at a moment of the run's together or each at its own. */
export function batched(cases: readonly CaseWithFault[], size = AT_MOST): Batch[] {
  const groups = [...new Set(cases.map(groupOf))].map((name) => cases.filter((one) => groupOf(one) === name));
  return groups.flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / size) }, (_, index) => ({
      fault: group[0]?.fault ?? "none",
      cases: group.slice(index * size, (index + 1) * size),
    })),
  );
}

const groupOf = ({ point, fault }: CaseWithFault): string =>
  point.ofTheRun ? `${fault}, ${point.says}` : fault;

export const titleOf = ({ point, scene, policy }: Case): string =>
  `${point.says}, ${sceneOf(scene).says}, restart policy ${policy}`;
