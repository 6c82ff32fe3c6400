// From which image to which, for people: by the version that both name, else by their digests. Pure.
import type { Labels } from "../settings/labels.ts";

/** As an event or a record tells it. */
export interface ImageChange {
  /** Image ids. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly from_version?: string | undefined;
  readonly to_version?: string | undefined;
}

const VERSION = "org.opencontainers.image.version";
/** Whoever makes an image writes its labels, and people read this on their terminals. */
const READABLE = /^[\w.+~:-]{1,40}$/;

/** What an image says that its version is. OCI image specification: annotations. */
export function readImageVersion(labels: Labels | null | undefined): string | undefined {
  const version = labels?.[VERSION];
  return version !== undefined && READABLE.test(version) ? version : undefined;
}

/** `1.4.2 → 1.5.0`, or `2744ecf46889 → 3e2fc9a9e462`; empty where neither image is known. */
export function formatImageChange({
  from,
  to,
  from_version: before,
  to_version: after,
}: ImageChange): string {
  if (from === undefined && to === undefined) return "";
  const isTold = before !== undefined && after !== undefined && before !== after;
  return isTold ? `${before} → ${after}` : `${shortId(from)} → ${shortId(to)}`;
}

/** As `docker images` shows it. */
export const shortId = (id = "?"): string => id.replace(/^sha256:/, "").slice(0, 12);

/** `sha256:2744ecf46889` */
export const shortDigest = (digest: string): string => `sha256:${shortId(digest)}`;
