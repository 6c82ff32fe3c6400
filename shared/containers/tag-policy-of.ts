// The tag policy of a container: its label, else the setting. Pure.
import { type Labels, labelOf } from "../settings/labels.ts";
import type { Settings } from "../settings/settings.ts";
import { SAME_TAG, type TagPolicy, parseTagPolicy } from "../settings/tag-policy.ts";

/** An empty label counts as not set. Undefined where the label cannot be understood. Services keep their tags. */
export function tagPolicyOf(
  { labels, service }: { readonly labels: Labels; readonly service?: unknown },
  { TAG_POLICY }: Pick<Settings, "TAG_POLICY">,
): TagPolicy | undefined {
  if (service !== undefined) return SAME_TAG;
  const text = (labelOf(labels, "com.ouroboros.tag_policy") ?? "").trim();
  return text === "" ? TAG_POLICY : parseTagPolicy(text);
}
