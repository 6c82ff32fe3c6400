// How long a new image must have been on its tag before a container is updated to it: the container's label, else the
// setting. Pure.
import { type Labels, labelOf } from "../settings/labels.ts";
import { duration } from "../settings/setting-values.ts";
import type { Settings } from "../settings/settings.ts";

export type Cooldown =
  | { readonly kind: "time"; /** 0 for none. */ readonly ms: number }
  /** The label cannot be understood. */
  | { readonly kind: "wrong"; readonly text: string };

/** An empty label counts as not set. */
export function readCooldown(labels: Labels, { COOLDOWN }: Pick<Settings, "COOLDOWN">): Cooldown {
  const text = (labelOf(labels, "com.ouroboros.cooldown") ?? "").trim();
  if (text === "") return { kind: "time", ms: COOLDOWN };
  const read = duration.safeParse(text);
  return read.success ? { kind: "time", ms: read.data } : { kind: "wrong", text };
}
