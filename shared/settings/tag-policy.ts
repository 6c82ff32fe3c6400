// Parses a tag policy: which tags of its image a container may move to. `same`, `semver:^1.4`, `semver+pre:^1.4`,
// `regex:PATTERN`, `newest`, `newest:GLOB`. Pure.
import { isPattern } from "../registry/linear-pattern.ts";
import { isVersionRange } from "../registry/tag-version.ts";

export type TagPolicy =
  /** The tag stays as it is. */
  | { readonly kind: "same"; readonly text: string }
  | {
      readonly kind: "semver";
      readonly text: string;
      readonly range: string;
      /** Pre-releases count, too. */
      readonly prereleases: boolean;
    }
  /** Any later tag that the pattern matches as a whole; without one any. */
  | { readonly kind: "newest"; readonly text: string; readonly pattern: string | undefined };

export const SAME_TAG: TagPolicy = { kind: "same", text: "same" };

const MAX_LENGTH = 200;

export const ALLOWED_POLICIES =
  "allowed are same, semver:RANGE, semver+pre:RANGE, regex:PATTERN, newest and newest:GLOB, 200 characters at most";

/** Undefined where the text is no policy. */
export function parseTagPolicy(given: string): TagPolicy | undefined {
  const text = given.trim();
  if (text.length > MAX_LENGTH) return undefined;
  if (text === "" || text === "same") return SAME_TAG;
  if (text === "newest") return { kind: "newest", text, pattern: undefined };
  const [, kind = "", rest = ""] = /^([a-z+]+):\s*(.+)$/.exec(text) ?? [];
  switch (kind) {
    case "semver":
    case "semver+pre":
      return isVersionRange(rest)
        ? { kind: "semver", text, range: rest, prereleases: kind === "semver+pre" }
        : undefined;
    case "regex":
      return isPattern(rest) ? { kind: "newest", text, pattern: rest } : undefined;
    case "newest":
      return /^[\w.*?-]+$/.test(rest) ? { kind: "newest", text, pattern: patternOfGlob(rest) } : undefined;
    default:
      return undefined;
  }
}

/** `*` stands for any characters, `?` for one. */
const patternOfGlob = (glob: string): string =>
  glob.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
