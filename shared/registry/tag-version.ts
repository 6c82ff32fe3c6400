// Reads versions out of tags: `v1.4.2-rc.1-alpine` is version 1.4.2-rc.1 of the variant `v…-alpine`, of three numbers.
// The package semver, which says what a range takes, is loaded only where a range is used. Pure.
import { createRequire } from "node:module";
import type SemverRange from "semver/classes/range.js";
import type SemverVersion from "semver/classes/semver.js";

export interface TagVersion {
  readonly version: SemverVersion;
  readonly isPrerelease: boolean;
  /** What tags of the same kind have in common: the leading `v`, how many numbers, and what follows the version. */
  readonly variant: string;
}

const require = createRequire(import.meta.url);
const Range = () => require("semver/classes/range.js") as typeof SemverRange;
const Version = () => require("semver/classes/semver.js") as typeof SemverVersion;

const NUMBER = "(0|[1-9]\\d{0,14})";
const VERSION = new RegExp(`^(v?)${NUMBER}(?:\\.${NUMBER})?(?:\\.${NUMBER})?((?:[-_].*)?)$`);
/** Words that mark what is not released yet. Any other word names a variant, to which nothing moves that is without it. */
const PRERELEASE =
  /^-((?:alpha|beta|rc|cr|pre|preview|prerelease|dev|snapshot|nightly|canary|next|edge|unstable|milestone|m|ea|test)\d*(?:[.-]\d+)*)(?=$|[-_])(.*)$/i;

/** Undefined where the tag is no version of one to three numbers. */
export function readTagVersion(tag: string): TagVersion | undefined {
  const [, prefix = "", major, minor, patch, suffix = ""] = VERSION.exec(tag) ?? [];
  if (major === undefined) return undefined;
  const [, word, rest = suffix] = PRERELEASE.exec(suffix) ?? [];
  const numbers = [major, minor, patch].filter((number) => number !== undefined);
  const release = `${major}.${minor ?? 0}.${patch ?? 0}`;
  const text = word === undefined ? release : `${release}-${partsOf(word)}`;
  return {
    version: new (Version())(text),
    isPrerelease: word !== undefined,
    variant: `${prefix}${numbers.map(() => "0").join(".")}${rest}`,
  };
}

/** `rc1`, `rc-1` and `rc.1` are the same; rc.10 comes after rc.9. */
const partsOf = (word: string): string =>
  (word.toLowerCase().match(/[a-z]+|\d+/g) ?? []).map((part) => part.replace(/^0+(?=\d)/, "")).join(".");

export function isVersionRange(text: string): boolean {
  try {
    new (Range())(text);
    return true;
  } catch {
    return false;
  }
}

/** @throws TypeError where the text is no range */
export function rangeMatcher(
  text: string,
  { prereleases }: { readonly prereleases: boolean },
): (version: SemverVersion) => boolean {
  const range = new (Range())(text, { includePrerelease: prereleases });
  return (version) => range.test(version);
}
