// Labels of other updaters that are understood where COMPAT_LABELS names them; those of Ouroboros count first.
import { type ContainerFacts, hasNameOrId } from "./container-facts.ts";
import { WATCHTOWER, foreignLabels } from "../settings/foreign-labels.ts";
import type { Labels } from "../settings/labels.ts";
import type { Settings } from "../settings/settings.ts";

export type Compat = Settings["COMPAT_LABELS"];

type ForeignLabel = keyof typeof foreignLabels;

/** What the container says, as far as the label's owner is among those understood; empty counts as not said. */
function readForeignLabel(labels: Labels, label: ForeignLabel, compat: Compat): string | undefined {
  const text = compat.includes(foreignLabels[label].of) ? (labels[label] ?? "").trim() : "";
  return text === "" ? undefined : text;
}

const isTrue = (text: string | undefined): boolean => /^(?:true|1|t)$/i.test(text ?? "");

/** Whether another updater's label asks to watch it; undefined where none says anything. */
export function findWatchLabel(
  labels: Labels,
  compat: Compat,
): { readonly label: string; readonly watch: boolean } | undefined {
  for (const label of [`${WATCHTOWER}.enable`, "wud.watch"] as const) {
    const said = readForeignLabel(labels, label, compat);
    if (said !== undefined) return { label, watch: isTrue(said) };
  }
  return undefined;
}

/** The label that keeps it from being updated. */
export function findMonitorOnlyLabel(labels: Labels, compat: Compat): string | undefined {
  const label = `${WATCHTOWER}.monitor-only` as const;
  return isTrue(readForeignLabel(labels, label, compat)) ? label : undefined;
}

export const readStopSignal = (labels: Labels, compat: Compat): string | undefined =>
  readForeignLabel(labels, `${WATCHTOWER}.stop-signal`, compat);

/** Names that watchtower's label says a container depends on. */
export const readNeededNames = (labels: Labels, compat: Compat): string[] =>
  (readForeignLabel(labels, `${WATCHTOWER}.depends-on`, compat) ?? "")
    .split(",")
    .map((name) => name.trim().replace(/^\//, ""))
    .filter((name) => name !== "");

/** Who needs a container is stopped before it is updated: the inverse, as Ouroboros' own label has it. */
export function addNeededDependencies(
  all: readonly ContainerFacts[],
  compat: Compat,
): readonly ContainerFacts[] {
  const needs = all.flatMap((facts) =>
    readNeededNames(facts.labels, compat).map((name) => ({ by: facts, name })),
  );
  return all.map((facts) => {
    const by = needs.filter(({ name }) => hasNameOrId(facts, name)).map((need) => need.by.name);
    const more = by.filter((name) => ![...facts.dependsOn, ...facts.hardDependsOn].includes(name));
    return more.length === 0 ? facts : { ...facts, dependsOn: [...facts.dependsOn, ...more] };
  });
}

export type LifecyclePhase = "pre-update" | "post-update";

const MINUTE_MS = 60_000;
const LONGEST_MS = 3_600_000;

export function readLifecycleCommand(
  labels: Labels,
  phase: LifecyclePhase,
  compat: Compat,
): { readonly command: string; readonly timeoutMs: number } | undefined {
  const command = readForeignLabel(labels, `${WATCHTOWER}.lifecycle.${phase}`, compat);
  if (command === undefined) return undefined;
  const minutes = readForeignLabel(labels, `${WATCHTOWER}.lifecycle.${phase}-timeout`, compat) ?? "1";
  const timeoutMs = /^\d{1,4}$/.test(minutes) ? Number(minutes) * MINUTE_MS : MINUTE_MS;
  return { command, timeoutMs: timeoutMs === 0 ? LONGEST_MS : Math.min(timeoutMs, LONGEST_MS) };
}
