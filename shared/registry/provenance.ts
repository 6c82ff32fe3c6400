// Tells which repository an image comes from, as far as the Engine knows. Pure.
//   A storage driver keeps a RepoDigest for each repository that an image was pulled from or pushed to, which proves
//   its origin. containerd's store and podman create a RepoDigest for every name of an image, even one built or
//   tagged locally: there the registry has to be asked.
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type ImageRef, parseImageRef } from "./image-ref.ts";

/** The kind of an Engine's image store. In containerd's store the id of an image is its digest at the registry. */
export type ImageStore = "driver" | "containerd" | "podman";

export const isSameRepository = (a: ImageRef, b: ImageRef): boolean =>
  a.registry === b.registry && a.repository === b.repository;

/** From the Engine's RepoDigests (`repository@digest`), the digests in the repository of `ref`. */
export const digestsIn = (repoDigests: readonly string[], ref: ImageRef): string[] =>
  repoDigests.flatMap((text) => {
    const parsed = parseImageRef(text);
    return parsed?.digest !== undefined && isSameRepository(parsed, ref) ? [parsed.digest] : [];
  });

export interface LocalImage {
  readonly id: string;
  /** `RepoDigests`. */
  readonly digests: readonly string[];
}

export interface Origin {
  /** The digests by which the registry may know the image. */
  readonly digests: readonly string[];
  /** Whether the image is known to come from the repository of the reference. */
  readonly isProven: boolean;
}

export function originOf({ id, digests }: LocalImage, ref: ImageRef, store: ImageStore): Origin {
  const own = digestsIn(digests, ref);
  if (store === "driver") return { digests: own, isProven: own.length > 0 };
  const all = digests.flatMap((text) => parseImageRef(text)?.digest ?? []);
  return { digests: [...new Set([...all, ...(store === "containerd" ? [id] : [])])], isProven: false };
}

/** The key under which an image's proven repository is remembered. */
export const originKey = ({ registry, repository }: ImageRef, imageId: string): string =>
  createHash("sha256").update(`${registry}/${repository}@${imageId}`).digest("base64url").slice(0, 16);

export interface ImageContent {
  readonly Id: string;
  readonly RootFS?: { readonly Layers?: readonly string[] | undefined };
  readonly [field: string]: unknown;
}

const CONTENT = ["Architecture", "Os", "Variant", "Created", "RootFS", "Config"] as const;

/** Both images run the same content. In containerd's store the index and attestations around it may differ. */
export const isSameContent = (a: ImageContent, b: ImageContent, store: ImageStore): boolean =>
  a.Id === b.Id ||
  (store === "containerd" &&
    (a.RootFS?.Layers?.length ?? 0) > 0 &&
    CONTENT.every((field) => isDeepStrictEqual(a[field], b[field])));
