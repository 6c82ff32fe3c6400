// Describes the change from one image to another, for the journal and the notices.
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { readImageVersion } from "../../../shared/registry/image-change.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import type { Labels } from "../../../shared/settings/labels.ts";
import { digestsIn } from "../../../shared/registry/provenance.ts";

export interface RecordedChange {
  readonly from: string;
  readonly to: string;
  /** repository@digest, if the image has one. */
  readonly from_digest?: string;
  readonly to_digest?: string;
  /** The versions that the images state. */
  readonly from_version?: string;
  readonly to_version?: string;
}

interface Image extends Pick<ImageInspection, "Id" | "RepoDigests"> {
  readonly Config?: { readonly Labels?: Labels | null } | null;
}

/** `reference` is the container's: only a digest in its repository counts. */
export function describeChange(from: Image, to: Image, reference: string): RecordedChange {
  const [fromDigest, toDigest] = [from, to].map((image) => digestFor(image, reference));
  const [before, after] = [from, to].map(({ Config }) => readImageVersion(Config?.Labels));
  return {
    from: from.Id,
    to: to.Id,
    ...(fromDigest !== undefined && { from_digest: fromDigest }),
    ...(toDigest !== undefined && { to_digest: toDigest }),
    ...(before !== undefined && { from_version: before }),
    ...(after !== undefined && { to_version: after }),
  };
}

function digestFor({ RepoDigests }: Image, reference: string): string | undefined {
  const ref = parseImageRef(reference);
  const [digest] = ref === undefined ? [] : digestsIn(RepoDigests ?? [], ref);
  return digest && ref && `${ref.name}@${digest}`;
}
