// Describes the change from one image to another for people: by the versions that both state, else by their digests.
// Pure.
import type { Labels } from "../settings/labels.ts";

/** The image fields of an event or a journal record. */
export interface ImageChange {
  /** Image ids. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly from_version?: string | undefined;
  readonly to_version?: string | undefined;
}

const VERSION = "org.opencontainers.image.version";
/** Labels come from the author of an image and end up on terminals, so only harmless characters pass. */
const READABLE = /^[\w.+~:-]{1,40}$/;

/** The version that an image states in its labels. OCI image specification: annotations. */
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
  const hasVersions = before !== undefined && after !== undefined && before !== after;
  return hasVersions ? `${before} → ${after}` : `${shortId(from)} → ${shortId(to)}`;
}

/** An id as `docker images` shows it. */
export const shortId = (id = "?"): string => id.replace(/^sha256:/, "").slice(0, 12);

/** `sha256:2744ecf46889` */
export const shortDigest = (digest: string): string => `sha256:${shortId(digest)}`;
