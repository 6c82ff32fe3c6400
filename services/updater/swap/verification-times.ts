// How long a container's successor has to prove itself: as its own labels say, else as the settings do. Pure.
import { type LabelName, type Labels, labelOf } from "../../../shared/settings/labels.ts";
import { duration } from "../../../shared/settings/setting-values.ts";
import type { Settings } from "../../../shared/settings/settings.ts";

export interface VerificationTimes {
  /** Milliseconds; undefined: from the healthcheck's own times. */
  readonly healthTimeout: number | undefined;
  readonly settleTime: number;
  /** Labels that cannot be understood, where the setting counts in their place, or that ask for too much. */
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

/** Nobody's label keeps the host from its other containers for longer. */
const LONGEST_MS = 86_400_000;

/** An empty label says nothing. */
function timeIn(labels: Labels, label: LabelName): { readonly ms?: number; readonly wrong?: WrongLabel } {
  const value = (labelOf(labels, label) ?? "").trim();
  if (value === "") return {};
  const read = duration.safeParse(value);
  if (read.success && read.data > LONGEST_MS)
    return { ms: LONGEST_MS, wrong: { label, value, because: "a day at most" } };
  if (read.success) return { ms: read.data };
  return { wrong: { label, value, because: read.error.issues.map(({ message }) => message).join(", ") } };
}
