// Labels of other updaters that are understood where COMPAT_LABELS names them; those of Ouroboros count first.
// watchtower: https://containrrr.dev/watchtower/container-selection/, …/lifecycle-hooks/, …/linked-containers/.
import { type Facts, isMeant } from "./container-facts.ts";
import type { Settings } from "./settings.ts";

export type Compat = Settings["COMPAT_LABELS"];
type Labels = Readonly<Record<string, string>>;

const WATCHTOWER = "com.centurylinklabs.watchtower";

/** docs/labels.md is printed from it. */
export const foreignLabels = {
  [`${WATCHTOWER}.enable`]: {
    of: "watchtower",
    says: "`false`: leave this container alone. `true`: watch it, also where LABEL_ENABLE asks for a label.",
  },
  [`${WATCHTOWER}.monitor-only`]: {
    of: "watchtower",
    says: "`true`: never update this container; that there is a newer image is what `check` and `explain` tell.",
  },
  [`${WATCHTOWER}.stop-signal`]: { of: "watchtower", says: "As `com.ouroboros.stop_signal`." },
  [`${WATCHTOWER}.depends-on`]: {
    of: "watchtower",
    says: "Comma-separated names of containers this one needs: when one of them is updated, this one is stopped before and started again afterwards.",
  },
  [`${WATCHTOWER}.lifecycle.pre-update`]: {
    of: "watchtower",
    says: "Command that is run in this container by `sh -c` before it is replaced, after `before_update` was agreed to. Exit code 75 puts the update off; any other failure is told in the log, and the update goes on.",
  },
  [`${WATCHTOWER}.lifecycle.post-update`]: {
    of: "watchtower",
    says: "The same in the new container, after it has proved itself and `after_update` was agreed to; a failure is told in the log.",
  },
  [`${WATCHTOWER}.lifecycle.pre-update-timeout`]: {
    of: "watchtower",
    says: "Minutes the command may take, by default 1; `0` for an hour. One that takes longer has failed; it is not ended.",
  },
  [`${WATCHTOWER}.lifecycle.post-update-timeout`]: {
    of: "watchtower",
    says: "The same for the other command.",
  },
  "wud.watch": { of: "wud", says: "As `com.centurylinklabs.watchtower.enable`." },
} as const satisfies Record<string, { readonly of: Compat[number]; readonly says: string }>;
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

/** Who needs a container is stopped before it is updated: the inverse, as Ouroboros' own label has it. */
export function withNeeds(all: readonly Facts[], compat: Compat): readonly Facts[] {
  const needs = all.flatMap((facts) =>
    (saidBy(facts.labels, `${WATCHTOWER}.depends-on`, compat) ?? "")
      .split(",")
      .map((name) => ({ by: facts, name: name.trim().replace(/^\//, "") })),
  );
  return all.map((facts) => {
    const by = needs.filter(({ name }) => name !== "" && isMeant(facts, name)).map((need) => need.by.name);
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
