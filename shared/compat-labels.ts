// Labels of other updaters that are understood where COMPAT_LABELS names them; those of Ouroboros count first.
import { type Facts, isMeant } from "./container-facts.ts";
import { WATCHTOWER, foreignLabels } from "./foreign-labels.ts";
import type { Labels } from "./labels.ts";
import type { Settings } from "./settings.ts";

export type Compat = Settings["COMPAT_LABELS"];

type Foreign = keyof typeof foreignLabels;

/** What the container says, as far as the label's owner is among those understood; empty counts as not said. */
function saidBy(labels: Labels, label: Foreign, compat: Compat): string | undefined {
  const text = compat.includes(foreignLabels[label].of) ? (labels[label] ?? "").trim() : "";
  return text === "" ? undefined : text;
}

const isTrue = (text: string | undefined): boolean => /^(?:true|1|t)$/i.test(text ?? "");

/** Whether another updater's label asks to watch it; undefined where none says anything. */
export function watchedBy(
  labels: Labels,
  compat: Compat,
): { readonly label: string; readonly watch: boolean } | undefined {
  for (const label of [`${WATCHTOWER}.enable`, "wud.watch"] as const) {
    const said = saidBy(labels, label, compat);
    if (said !== undefined) return { label, watch: isTrue(said) };
  }
  return undefined;
}

/** The label that keeps it from being updated. */
export function monitoredOnlyBy(labels: Labels, compat: Compat): string | undefined {
  const label = `${WATCHTOWER}.monitor-only` as const;
  return isTrue(saidBy(labels, label, compat)) ? label : undefined;
}

export const stopSignalBy = (labels: Labels, compat: Compat): string | undefined =>
  saidBy(labels, `${WATCHTOWER}.stop-signal`, compat);

/** Names that watchtower's label says a container depends on. */
export const neededIn = (labels: Labels, compat: Compat): string[] =>
  (saidBy(labels, `${WATCHTOWER}.depends-on`, compat) ?? "")
    .split(",")
    .map((name) => name.trim().replace(/^\//, ""))
    .filter((name) => name !== "");

/** Who needs a container is stopped before it is updated: the inverse, as Ouroboros' own label has it. */
export function withNeeds(all: readonly Facts[], compat: Compat): readonly Facts[] {
  const needs = all.flatMap((facts) => neededIn(facts.labels, compat).map((name) => ({ by: facts, name })));
  return all.map((facts) => {
    const by = needs.filter(({ name }) => isMeant(facts, name)).map((need) => need.by.name);
    const more = by.filter((name) => ![...facts.dependsOn, ...facts.hardDependsOn].includes(name));
    return more.length === 0 ? facts : { ...facts, dependsOn: [...facts.dependsOn, ...more] };
  });
}

export type Phase = "pre-update" | "post-update";

const MINUTE_MS = 60_000;
const LONGEST_MS = 3_600_000;

export function lifecycleCommand(
  labels: Labels,
  phase: Phase,
  compat: Compat,
): { readonly command: string; readonly timeoutMs: number } | undefined {
  const command = saidBy(labels, `${WATCHTOWER}.lifecycle.${phase}`, compat);
  if (command === undefined) return undefined;
  const minutes = saidBy(labels, `${WATCHTOWER}.lifecycle.${phase}-timeout`, compat) ?? "1";
  const timeoutMs = /^\d{1,4}$/.test(minutes) ? Number(minutes) * MINUTE_MS : MINUTE_MS;
  return { command, timeoutMs: timeoutMs === 0 ? LONGEST_MS : Math.min(timeoutMs, LONGEST_MS) };
}
