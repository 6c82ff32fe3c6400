// How long a new image must have been on its tag before a container is updated to it: the container's label, else the
// setting. Pure.
import { type Labels, labelOf } from "../settings/labels.ts";
import { duration } from "../settings/setting-values.ts";
import type { Settings } from "../settings/settings.ts";

export type Cooldown =
  | {
      readonly kind: "time";
      /** 0 for none. */
      readonly ms: number;
      /** Names of the hosts of which some must have proved it; `*` for all. */
      readonly after: readonly string[];
    }
  /** The label cannot be understood. */
  | { readonly kind: "wrong"; readonly text: string };

/** Whether an image may be taken that the tag does not name any more. */
export const mayTakeOlder = (cooldown: Cooldown): boolean =>
  cooldown.kind === "time" && (cooldown.ms > 0 || cooldown.after.length > 0);

/** An empty label counts as not set. A label `0` also waits for no other host. */
export function readCooldown(
  labels: Labels,
  { COOLDOWN, COOLDOWN_AFTER }: Pick<Settings, "COOLDOWN" | "COOLDOWN_AFTER">,
): Cooldown {
  const text = (labelOf(labels, "com.ouroboros.cooldown") ?? "").trim();
  if (text === "") return { kind: "time", ms: COOLDOWN, after: COOLDOWN_AFTER };
  const read = duration.safeParse(text);
  return read.success
    ? { kind: "time", ms: read.data, after: read.data === 0 ? [] : COOLDOWN_AFTER }
    : { kind: "wrong", text };
}
