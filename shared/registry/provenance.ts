// Where an image comes from, as far as the Engine tells. Pure.
//   A storage driver keeps a RepoDigest for each repository that an image was pulled from or pushed to: it proves where the
//   image comes from. containerd's store and podman make one for every name an image bears, also where it was built or
//   tagged here: there the registry has to be asked.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type ImageRef, parseImageRef } from "./image-ref.ts";

/** How an Engine keeps its images. In containerd's store an image's id is its digest at the registry. */
export type ImageStore = "driver" | "containerd" | "podman";

export const isSameRepository = (one: ImageRef, other: ImageRef): boolean =>
  one.registry === other.registry && one.repository === other.repository;

/** Of `repository@digest` as the Engine keeps them, the digests in the repository of `ref`. */
export const digestsIn = (repoDigests: readonly string[], ref: ImageRef): string[] =>
  repoDigests.flatMap((text) => {
    const kept = parseImageRef(text);
    return kept?.digest !== undefined && isSameRepository(kept, ref) ? [kept.digest] : [];
  });

export interface LocalImage {
  readonly id: string;
  /** `RepoDigests`. */
  readonly digests: readonly string[];
}

export interface Origin {
  /** Those by which the registry may know it. */
  readonly digests: readonly string[];
  /** It is known to come from the repository of the reference. */
  readonly isProven: boolean;
}

export function originOf({ id, digests }: LocalImage, ref: ImageRef, store: ImageStore): Origin {
  const own = digestsIn(digests, ref);
  if (store === "driver") return { digests: own, isProven: own.length > 0 };
  const all = digests.flatMap((text) => parseImageRef(text)?.digest ?? []);
  return { digests: [...new Set([...all, ...(store === "containerd" ? [id] : [])])], isProven: false };
}

/** By this it is remembered that an image comes from a repository. */
export const originKey = ({ registry, repository }: ImageRef, imageId: string): string =>
  createHash("sha256").update(`${registry}/${repository}@${imageId}`).digest("base64url").slice(0, 16);

export interface ImageContent {
  readonly Id: string;
  readonly RootFS?: { readonly Layers?: readonly string[] | undefined };
  readonly [field: string]: unknown;
}

const CONTENT = ["Architecture", "Os", "Variant", "Created", "RootFS", "Config"] as const;

/** Whoever runs one runs the other: in containerd's store the index and the attestations around it may differ. */
export const isSameContent = (one: ImageContent, other: ImageContent, store: ImageStore): boolean =>
  one.Id === other.Id ||
  (store === "containerd" &&
    (one.RootFS?.Layers?.length ?? 0) > 0 &&
    CONTENT.every((field) => isDeepStrictEqual(one[field], other[field])));
