// Which containers are parts of Ouroboros, and why one of them is left alone. Pure. Parts bear the label
// com.ouroboros.role; the container that this program runs in is one whatever its labels say.
import { type Labels, labelOf } from "./labels.ts";
import type { Host } from "./run-service.ts";
import type { Settings } from "./settings.ts";

export interface Ourselves {
  /** Ids of the containers that this program may run in: one, several where it cannot be told, none outside of one. */
  readonly own: readonly string[];
  /** SELF_UPDATE. */
  readonly update: boolean;
  /** RUN_ONCE: this program ends by itself, and so would its successor. */
  readonly once?: boolean;
}

export const ourselvesOf = (
  { own }: Pick<Host, "own">,
  { SELF_UPDATE, RUN_ONCE }: Pick<Settings, "SELF_UPDATE" | "RUN_ONCE">,
): Ourselves => ({ own, update: SELF_UPDATE, once: RUN_ONCE });

/** Parts that are never replaced: `nats` carries the run, and the helper replaces the others. */
export const HELPER = "helper";
const NEVER: readonly string[] = ["nats", HELPER];

export const ROLE = "com.ouroboros.role";

interface LabelledContainer {
  readonly id: string;
  /** As the Engine tells them: null, where the image has no configuration and nobody set any. */
  readonly labels: Labels | null;
}
interface OwnPart extends LabelledContainer {
  readonly dependsOn: readonly string[];
  readonly hardDependsOn: readonly string[];
}

export const roleOf = ({ labels }: Pick<LabelledContainer, "labels">): string | undefined =>
  labelOf(labels ?? {}, ROLE);

export const isOurs = (facts: LabelledContainer, { own }: Pick<Ourselves, "own">): boolean =>
  roleOf(facts) !== undefined || own.includes(facts.id);

/** Undefined where it is none of ours, or may be updated. */
export function whyOurselves(facts: OwnPart, ourselves: Ourselves): string | undefined {
  if (!isOurs(facts, ourselves)) return undefined;
  if (!ourselves.update) return "part of Ouroboros itself";
  const role = roleOf(facts);
  if (role !== undefined && NEVER.includes(role))
    return `part of Ouroboros itself: a ${role} is never updated`;
  if (ourselves.own.length > 1 && ourselves.own.includes(facts.id))
    return "part of Ouroboros itself, which cannot tell its own container";
  if (ourselves.once && ourselves.own.includes(facts.id))
    return "part of Ouroboros itself, which ends by itself with RUN_ONCE";
  if (facts.dependsOn.length + facts.hardDependsOn.length > 0)
    return "part of Ouroboros itself: it is updated without stopping others, so it may depend on none";
  return undefined;
}
