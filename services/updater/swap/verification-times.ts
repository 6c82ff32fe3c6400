// Reads how long the verification of a successor takes: from the container's labels, else from the settings. Pure.
import { type LabelName, type Labels, labelOf } from "../../../shared/settings/labels.ts";
import { duration } from "../../../shared/settings/setting-values.ts";
import type { Settings } from "../../../shared/settings/settings.ts";

export interface VerificationTimes {
  /** Milliseconds; undefined: from the healthcheck's own times. */
  readonly healthTimeout: number | undefined;
  readonly settleTime: number;
  /** Invalid labels, which the setting replaces, and labels that ask for too much. */
  readonly wrong: readonly WrongLabel[];
}

interface WrongLabel {
  readonly label: LabelName;
  readonly value: string;
  readonly because: string;
}

export function readVerificationTimes(
  labels: Labels,
  settings: Pick<Settings, "HEALTH_TIMEOUT" | "SETTLE_TIME">,
): VerificationTimes {
  const health = timeIn(labels, "com.ouroboros.health_timeout");
  const settle = timeIn(labels, "com.ouroboros.settle_time");
  return {
    healthTimeout: health.ms ?? settings.HEALTH_TIMEOUT,
    settleTime: settle.ms ?? settings.SETTLE_TIME,
    wrong: [health, settle].flatMap(({ wrong }) => wrong ?? []),
  };
}

/** The limit for a label: a longer verification would hold up the host's other containers. */
const LONGEST_MS = 86_400_000;

/** An empty label counts as not set. */
function timeIn(labels: Labels, label: LabelName): { readonly ms?: number; readonly wrong?: WrongLabel } {
  const value = (labelOf(labels, label) ?? "").trim();
  if (value === "") return {};
  const read = duration.safeParse(value);
  if (read.success && read.data > LONGEST_MS)
    return { ms: LONGEST_MS, wrong: { label, value, because: "a day at most" } };
  if (read.success) return { ms: read.data };
  return { wrong: { label, value, because: read.error.issues.map(({ message }) => message).join(", ") } };
}
