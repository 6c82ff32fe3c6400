// Which self-updates are cut where. The process alone dies several times in one update, other faults strike once.
import type { FaultName } from "../killed/faults.ts";
import { backPoints, helperPoints, newPoints, oldPoints, undoPoints } from "./points.ts";

export const forms = {
  run: "one container by docker run",
  ports: "one container with a published port",
  compose: "three containers by compose",
} as const;
export type Form = keyof typeof forms;
export const formNames = Object.keys(forms) as Form[];

export interface SelfUpdateCase {
  readonly form: Form;
  /** Patterns of moments; each is met once. */
  readonly points: readonly string[];
  readonly fault: Extract<FaultName, "none" | "engine" | "power">;
  /** The image that the tag moves to. */
  readonly next: "2" | "unready";
  /** after_self_update is refused. */
  readonly isRefused?: true;
  /** The generation that runs at the end. */
  readonly end: "1" | "2";
}

/** A helper's restarts are counted, and the Engine delays each more than the one before. */
const DEATHS = 4;

const dealt = (points: readonly string[], size = DEATHS): string[][] =>
  Array.from({ length: Math.ceil(points.length / size) }, (_, n) => points.slice(n * size, (n + 1) * size));

/** Each point once, and all three processes in each of these updates. */
export function killCases(form: Form): SelfUpdateCase[] {
  const [old, helper, successor] = [dealt(oldPoints, 1), dealt(helperPoints), dealt(newPoints, DEATHS + 1)];
  const most = Math.max(old.length, helper.length, successor.length);
  return Array.from({ length: most }, (_, n) => ({
    ...{ form, fault: "none", next: "2", end: "2" },
    points: [old, helper, successor].flatMap((lists) => lists[n] ?? []),
  }));
}

/** Each of the three processes dies once. */
export const onceEach = (form: Form): SelfUpdateCase => ({
  ...{ form, fault: "none", next: "2", end: "2" },
  points: [
    "old record decided before_self_update ouroboros(-updater-1)?",
    "helper step stop the old container of ouroboros(-updater-1)?",
    "new record swapped ouroboros(-updater-1)?",
  ],
});

/** They end on the old container. */
export function rollbackCases(form: Exclude<Form, "compose">): SelfUpdateCase[] {
  const common = { form, fault: "none", end: "1" } as const;
  return [
    { ...common, next: "2", points: ["new started"] },
    ...dealt(undoPoints).map((points) => ({ ...common, next: "unready" as const, points })),
    ...dealt(backPoints).map((points) => ({
      ...common,
      next: "2" as const,
      isRefused: true as const,
      points,
    })),
  ];
}

/** The Engine, or the whole host, at the same points. */
export const faultCases = (
  form: Form,
  fault: "engine" | "power",
  points: readonly string[],
): SelfUpdateCase[] => points.map((point) => ({ form, fault, next: "2", end: "2", points: [point] }));

export const titleOf = ({ points, form, fault }: SelfUpdateCase): string =>
  `${{ none: "killed", engine: "its Engine killed", power: "its host without power" }[fault]} at ${points.map(nameOf).join(", ")} (${forms[form]})`;

export const nameOf = (point: string): string =>
  point
    .replace(" of ouroboros(-updater-1)?", "")
    .replace(" ouroboros(-updater-1)?", "")
    .replace(/[\\?]+.*/, "");
