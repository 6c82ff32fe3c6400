// Tells which containers are parts of Ouroboros, and why a part is left alone. Parts bear the label
// com.ouroboros.role; the container that this program runs in is a part whatever its labels say. Pure.
import { type Labels, labelOf } from "../settings/labels.ts";
import { reasonOf } from "../catalogue/entry.ts";
import { ownPartReasons } from "../catalogue/own-part-reasons.ts";
import type { Host } from "../runtime/run-service.ts";
import type { Settings } from "../settings/settings.ts";

export interface SelfUpdatePolicy {
  /** Ids of the containers that this program may run in: several where it is ambiguous, none outside a container. */
  readonly own: readonly string[];
  /** The setting SELF_UPDATE. */
  readonly update: boolean;
  /** The setting RUN_ONCE: this program ends by itself, and so would its successor. */
  readonly once?: boolean;
}

export const makeSelfUpdatePolicy = (
  { own }: Pick<Host, "own">,
  { SELF_UPDATE, RUN_ONCE }: Pick<Settings, "SELF_UPDATE" | "RUN_ONCE">,
): SelfUpdatePolicy => ({ own, update: SELF_UPDATE, once: RUN_ONCE });

/** The helper replaces the other parts. */
export const HELPER_ROLE = "helper";
/** Parts that are never replaced: `nats` carries the run, and the helper carries out the replacement. */
const NEVER_UPDATED_ROLES: readonly string[] = ["nats", HELPER_ROLE];

export const ROLE_LABEL = "com.ouroboros.role";

interface LabelledContainer {
  readonly id: string;
  /** The Engine returns null where the image has no configuration and nobody set a label. */
  readonly labels: Labels | null;
}
interface OwnPart extends LabelledContainer {
  readonly dependsOn: readonly string[];
  readonly hardDependsOn: readonly string[];
}

export const roleOf = ({ labels }: Pick<LabelledContainer, "labels">): string | undefined =>
  labelOf(labels ?? {}, ROLE_LABEL);

export const isOwnPart = (facts: LabelledContainer, { own }: Pick<SelfUpdatePolicy, "own">): boolean =>
  roleOf(facts) !== undefined || own.includes(facts.id);

/** Why a part of Ouroboros is left alone; undefined for other containers, and for a part that may be updated. */
export function whyNoSelfUpdate(facts: OwnPart, ourselves: SelfUpdatePolicy): string | undefined {
  if (!isOwnPart(facts, ourselves)) return undefined;
  if (!ourselves.update) return reasonOf(ownPartReasons.off);
  const role = roleOf(facts);
  if (role !== undefined && NEVER_UPDATED_ROLES.includes(role))
    return reasonOf(ownPartReasons.neverUpdated, { role });
  if (ourselves.own.length > 1 && ourselves.own.includes(facts.id))
    return reasonOf(ownPartReasons.unidentified);
  if (ourselves.once && ourselves.own.includes(facts.id)) return reasonOf(ownPartReasons.once);
  if (facts.dependsOn.length + facts.hardDependsOn.length > 0)
    return reasonOf(ownPartReasons.dependsOnOthers);
  return undefined;
}
