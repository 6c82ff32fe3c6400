// Which tag a container follows by its tag policy, and why.
import type { TagChoice } from "../../../shared/registry/choose-tag.ts";

/** What a tag policy makes of a container's tag. */
export type FollowedTag =
  | (TagChoice & {
      readonly kind: "follows";
      readonly policy: string;
      /** The container's own tag. */
      readonly own: string;
    })
  /** The tags could not be listed. */
  | { readonly kind: "unknown"; readonly policy: string; readonly because: string };
