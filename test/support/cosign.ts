// Signatures as cosign's key pairs make them, put into a registry where cosign puts them: its specification of
// signatures, with a payload in the simple signing format.
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { registry } from "../bed/bed.ts";

export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: KeyObject;
}

export function makeKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(), privateKey };
}

const PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const digestOf = (data: Buffer) => `sha256:${createHash("sha256").update(data).digest("hex")}`;

export interface Signature {
  readonly key: KeyPair;
  /** What is signed; the image itself unless told otherwise. */
  readonly over?: string;
  readonly type?: string;
  /** Done to the payload after it was signed. */
  readonly tamper?: (payload: string, digest: string) => string;
}

/** Signs the image `repository@digest`; each call replaces the signatures from before. */
export async function signImage(
  repository: string,
  digest: string,
  signatures: readonly Signature[],
): Promise<void> {
  const layers = signatures.map(({ key, over = digest, type, tamper = (payload) => payload }) => {
    const critical = {
      identity: { "docker-reference": repository },
      image: { "docker-manifest-digest": over },
      type: type ?? "cosign container image signature",
    };
    const text = JSON.stringify({ critical, optional: null });
    const signature = sign("sha256", Buffer.from(text), key.privateKey).toString("base64");
    return {
      data: Buffer.from(tamper(text, digest)),
      annotations: { "dev.cosignproject.cosign/signature": signature },
    };
  });
  const config = Buffer.from(
    JSON.stringify({ architecture: "", os: "", rootfs: { type: "layers", diff_ids: [] } }),
  );
  for (const data of [config, ...layers.map((layer) => layer.data)])
    await registry.blob(repository, { data, digest: digestOf(data) });
  const describe = (mediaType: string, data: Buffer) => ({
    mediaType,
    digest: digestOf(data),
    size: data.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: describe(CONFIG, config),
    layers: layers.map(({ data, annotations }) => ({ ...describe(PAYLOAD, data), annotations })),
  });
  await registry.manifest(repository, `${digest.replace(":", "-")}.sig`, manifest, MANIFEST);
}
