// Reads the labels of other updaters that COMPAT_LABELS names. Labels of Ouroboros take precedence over them. Pure.
import { type ContainerFacts, hasNameOrId } from "./container-facts.ts";
import { WATCHTOWER, foreignLabels } from "../settings/foreign-labels.ts";
import type { Labels } from "../settings/labels.ts";
import type { Settings } from "../settings/settings.ts";

export type Compat = Settings["COMPAT_LABELS"];

type ForeignLabel = keyof typeof foreignLabels;

/** The label's value where COMPAT_LABELS names the updater it belongs to. An empty value counts as not set. */
function readForeignLabel(labels: Labels, label: ForeignLabel, compat: Compat): string | undefined {
  const text = compat.includes(foreignLabels[label].of) ? (labels[label] ?? "").trim() : "";
  return text === "" ? undefined : text;
}

const isTrue = (text: string | undefined): boolean => /^(?:true|1|t)$/i.test(text ?? "");

/**
 * Whether a label of another updater asks to watch the container or to leave it alone; undefined where none is set.
 */
export function findWatchLabel(
  labels: Labels,
  compat: Compat,
): { readonly label: string; readonly watch: boolean } | undefined {
  for (const label of [`${WATCHTOWER}.enable`, "wud.watch"] as const) {
    const value = readForeignLabel(labels, label, compat);
    if (value !== undefined) return { label, watch: isTrue(value) };
  }
  return undefined;
}

const PROTECTING = {
  [`${WATCHTOWER}.enable`]: false,
  [`${WATCHTOWER}.monitor-only`]: true,
  "wud.watch": false,
} as const;

/** A label that keeps another updater from updating the container, where COMPAT_LABELS does not name that updater. */
export function findUnreadProtection(
  labels: Labels,
  compat: Compat,
): { readonly label: string; readonly of: string } | undefined {
  for (const [label, protects] of Object.entries(PROTECTING) as [keyof typeof PROTECTING, boolean][]) {
    const { of } = foreignLabels[label];
    const value = (labels[label] ?? "").trim();
    if (value !== "" && isTrue(value) === protects && !compat.includes(of)) return { label, of };
  }
  return undefined;
}

/** The label that keeps the container from being updated, if it is set. */
export function findMonitorOnlyLabel(labels: Labels, compat: Compat): string | undefined {
  const label = `${WATCHTOWER}.monitor-only` as const;
  return isTrue(readForeignLabel(labels, label, compat)) ? label : undefined;
}

export const readStopSignal = (labels: Labels, compat: Compat): string | undefined =>
  readForeignLabel(labels, `${WATCHTOWER}.stop-signal`, compat);

/** Names of the containers that this one needs, by watchtower's label. */
export const readNeededNames = (labels: Labels, compat: Compat): string[] =>
  (readForeignLabel(labels, `${WATCHTOWER}.depends-on`, compat) ?? "")
    .split(",")
    .map((name) => name.trim().replace(/^\//, ""))
    .filter((name) => name !== "");

/**
 * Watchtower's label is on the container that needs another one; Ouroboros' depends_on is the inverse. So the
 * containers that need a container are added to its `dependsOn`: they are stopped before its update.
 */
export function addNeededDependencies(
  all: readonly ContainerFacts[],
  compat: Compat,
): readonly ContainerFacts[] {
  const needs = all.flatMap((facts) =>
    readNeededNames(facts.labels, compat).map((name) => ({ by: facts, name })),
  );
  return all.map((facts) => {
    const by = needs.filter(({ name }) => hasNameOrId(facts, name)).map((need) => need.by.name);
    const added = by.filter((name) => ![...facts.dependsOn, ...facts.hardDependsOn].includes(name));
    return added.length === 0 ? facts : { ...facts, dependsOn: [...facts.dependsOn, ...added] };
  });
}

export type LifecyclePhase = "pre-update" | "post-update";

const MINUTE_MS = 60_000;
const MAX_TIMEOUT_MS = 3_600_000;

export function readLifecycleCommand(
  labels: Labels,
  phase: LifecyclePhase,
  compat: Compat,
): { readonly command: string; readonly timeoutMs: number } | undefined {
  const command = readForeignLabel(labels, `${WATCHTOWER}.lifecycle.${phase}`, compat);
  if (command === undefined) return undefined;
  const minutes = readForeignLabel(labels, `${WATCHTOWER}.lifecycle.${phase}-timeout`, compat) ?? "1";
  const timeoutMs = /^\d{1,4}$/.test(minutes) ? Number(minutes) * MINUTE_MS : MINUTE_MS;
  return { command, timeoutMs: timeoutMs === 0 ? MAX_TIMEOUT_MS : Math.min(timeoutMs, MAX_TIMEOUT_MS) };
}
