// From which image to which, as the journal and the notices say it.
import type { ImageDocument } from "../create/inspect.ts";

export interface Change {
  readonly from: string;
  readonly to: string;
  /** repository@digest, where the image has one. */
  readonly from_digest?: string;
  readonly to_digest?: string;
}

type Image = Pick<ImageDocument, "Id" | "RepoDigests">;

export function changeOf(from: Image, to: Image): Change {
  const [fromDigest] = from.RepoDigests ?? [];
  const [toDigest] = to.RepoDigests ?? [];
  return {
    from: from.Id,
    to: to.Id,
    ...(fromDigest !== undefined && { from_digest: fromDigest }),
    ...(toDigest !== undefined && { to_digest: toDigest }),
  };
}
