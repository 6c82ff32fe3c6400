// Whether a container's owner wants it watched: MONITOR, IGNORE, and the labels. The poller plans by it; the updater,
// which trusts no plan, applies it once more. Pure.
import { findMonitorOnlyLabel, findWatchLabel } from "./compat-labels.ts";
import type { ContainerFacts } from "./container-facts.ts";
import { isYes, labelOf } from "../settings/labels.ts";
import type { Settings } from "../settings/settings.ts";

export type WatchSettings = Pick<
  Settings,
  "MONITOR" | "IGNORE" | "LABEL_ENABLE" | "LABELS_ONLY" | "COMPAT_LABELS"
>;

/**
 * With LABEL_ENABLE the label decides, and MONITOR and IGNORE only where there is none; LABELS_ONLY without
 * LABEL_ENABLE watches nothing. Other updaters' labels come after our own.
 */
export function whyUnwatched({ name, labels }: ContainerFacts, wishes: WatchSettings): string | undefined {
  if (wishes.LABELS_ONLY && !wishes.LABEL_ENABLE) return "LABELS_ONLY without LABEL_ENABLE watches nothing";
  const label = wishes.LABEL_ENABLE ? labelOf(labels, "com.ouroboros.enable") : undefined;
  if (label !== undefined) return isYes(label) ? undefined : "its label com.ouroboros.enable says no";
  const other = findWatchLabel(labels, wishes.COMPAT_LABELS);
  if (other?.watch === false) return `its label ${other.label} says no`;
  if (other !== undefined && wishes.LABEL_ENABLE) return undefined;
  if (wishes.LABELS_ONLY) return "not labelled";
  if (wishes.IGNORE.includes(name)) return "ignored";
  if (wishes.MONITOR.length > 0 && !wishes.MONITOR.includes(name)) return "not monitored";
  return undefined;
}

export function whyOnlyMonitored(
  { labels }: ContainerFacts,
  compat: Settings["COMPAT_LABELS"],
): string | undefined {
  const label = findMonitorOnlyLabel(labels, compat);
  return label && `only monitored: a newer image is there, but its label ${label} says not to update it`;
}
