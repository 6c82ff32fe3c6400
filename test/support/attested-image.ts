// Images as BuildKit pushes them: an index of the platform's manifest and of an attestation to it.
import { type ImageOptions, pushImage, registry } from "../bed/bed.ts";
import { sha256 } from "../bed/tar.ts";

const INDEX = "application/vnd.oci.image.index.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const STATEMENT = "application/vnd.in-toto+json";

/** Resolves with the digest of the index. The same options make the same platform's manifest, whatever is attested. */
export async function pushAttested(
  repository: string,
  tag: string,
  attested: string,
  options: ImageOptions & { readonly created: string },
): Promise<string> {
  const { mediaType, digest, size } = await pushImage(registry, repository, `${tag}-amd64`, options);
  const blobOf = async (value: object) => {
    const data = Buffer.from(JSON.stringify(value));
    await registry.blob(repository, { data, digest: sha256(data) });
    return { digest: sha256(data), size: data.length };
  };
  const statement = {
    mediaType: STATEMENT,
    ...(await blobOf({ predicateType: "https://slsa.dev/provenance/v0.2", predicate: { attested } })),
    annotations: { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2" },
  };
  const config = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    ...(await blobOf({
      architecture: "unknown",
      os: "unknown",
      config: {},
      rootfs: { type: "layers", diff_ids: [statement.digest] },
    })),
  };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [statement] });
  const attestation = await registry.manifest(repository, sha256(body), body, MANIFEST);
  const manifests = [
    { mediaType, digest, size, platform: { os: "linux", architecture: "amd64" } },
    {
      ...attestation,
      annotations: {
        "vnd.docker.reference.digest": digest,
        "vnd.docker.reference.type": "attestation-manifest",
      },
      platform: { os: "unknown", architecture: "unknown" },
    },
  ];
  const index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  return (await registry.manifest(repository, tag, index, INDEX)).digest;
}
