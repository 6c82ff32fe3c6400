// Decides whether a container is watched, by MONITOR, IGNORE and its labels, and whether anything else keeps it from being
// updated. The poller plans with it; the updater, which trusts no plan, checks again. Pure.
import { findMonitorOnlyLabel, findUnreadProtection, findWatchLabel } from "./compat-labels.ts";
import { reasonOf } from "../catalogue/entry.ts";
import { skipReasons } from "../catalogue/skip-reasons.ts";
import { type ContainerFacts, whySkipped } from "./container-facts.ts";
import type { SelfUpdatePolicy } from "./self-update-policy.ts";
import { whyServiceUnwatched } from "../swarm/service-facts.ts";
import { isYes, labelOf } from "../settings/labels.ts";
import type { Settings } from "../settings/settings.ts";

export type WatchSettings = Pick<
  Settings,
  "MONITOR" | "IGNORE" | "LABEL_ENABLE" | "LABELS_ONLY" | "COMPAT_LABELS"
>;

interface Surroundings {
  readonly settings: WatchSettings;
  /** The containers of the host. */
  readonly all: readonly ContainerFacts[];
  readonly selfUpdate?: SelfUpdatePolicy;
}

/** Why the container is left alone, whatever its registry has; undefined where it may be updated. */
export const whyLeftAlone = (
  facts: ContainerFacts,
  { settings, all, selfUpdate }: Surroundings,
): string | undefined => whyUnwatched(facts, settings) ?? whySkipped(facts, all, selfUpdate);

/**
 * Why the container is not watched; undefined where it is. With LABEL_ENABLE our label decides, and MONITOR and
 * IGNORE count only where it is not set. LABELS_ONLY without LABEL_ENABLE watches nothing. Our label beats those of
 * other updaters. A label that protects the container from another updater counts unless MONITOR names the container.
 */
export function whyUnwatched(
  { name, labels, service }: ContainerFacts,
  settings: WatchSettings,
): string | undefined {
  const notOurs = service && whyServiceUnwatched(labels);
  if (notOurs !== undefined) return notOurs;
  if (settings.LABELS_ONLY && !settings.LABEL_ENABLE) return reasonOf(skipReasons.labelsOnlyWatchesNothing);
  const label = settings.LABEL_ENABLE ? labelOf(labels, "com.ouroboros.enable") : undefined;
  if (label !== undefined)
    return isYes(label) ? undefined : reasonOf(skipReasons.labelSaysNo, { label: "com.ouroboros.enable" });
  const foreignLabel = findWatchLabel(labels, settings.COMPAT_LABELS);
  if (foreignLabel?.watch === false) return reasonOf(skipReasons.labelSaysNo, { label: foreignLabel.label });
  if (foreignLabel !== undefined && settings.LABEL_ENABLE) return undefined;
  if (settings.LABELS_ONLY) return reasonOf(skipReasons.notLabelled);
  if (settings.IGNORE.includes(name)) return reasonOf(skipReasons.ignored);
  if (settings.MONITOR.includes(name)) return undefined;
  if (settings.MONITOR.length > 0) return reasonOf(skipReasons.notMonitored);
  const unread = findUnreadProtection(labels, settings.COMPAT_LABELS);
  return unread && reasonOf(skipReasons.protectedElsewhere, unread);
}

export function whyOnlyMonitored(
  { labels }: ContainerFacts,
  compat: Settings["COMPAT_LABELS"],
): string | undefined {
  const label = findMonitorOnlyLabel(labels, compat);
  return label && reasonOf(skipReasons.onlyMonitored, { label });
}
