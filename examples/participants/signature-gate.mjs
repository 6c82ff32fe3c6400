#!/usr/bin/env node
/**
 * Refuses an image that is not signed with your key, by `cosign sign --key` (Cosign 3: with
 * `--new-bundle-format=false --use-signing-config=false`), at the digest that is about to run.
 *
 *     npm install nats@npm:@nats-io/transport-node @nats-io/jetstream @sigstore/bundle@4 @sigstore/verify@3
 *     ouroboros participant add signatures --hooks updates_enumerated
 *     NATS_URL=nats://nats.example.com:4222 COSIGN_KEY=cosign.pub node signature-gate.mjs signatures
 *
 * While the registry gives no answer the update is put off. UNSIGNED=defer puts off what has no signature yet, for those
 * who sign after they push. lib/registry.mjs says how it logs in.
 */
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { toMessageSignatureBundle } from "@sigstore/bundle";
import { Verifier, toSignedEntity, toTrustMaterial } from "@sigstore/verify";
import { fail, judgeEach, participate } from "./lib/participant.mjs";
import { readReference, readRegistry } from "./lib/registry.mjs";

const { COSIGN_KEY = "cosign.pub", UNSIGNED = "refuse" } = process.env;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json";
const MOST_SIGNATURES = 50;

if (!["refuse", "defer"].includes(UNSIGNED)) fail(`UNSIGNED: "${UNSIGNED}": refuse or defer`, 2);
const publicKey = readKey();
// The key alone is trusted: no certificate, no transparency log, no time stamp.
const nobody = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
const verifier = new Verifier(
  toTrustMaterial(nobody, () => ({ publicKey, validFor: () => true })),
  { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 },
);

await participate((event) =>
  judgeEach(event, async ({ container, newImage }) => {
    const refuse = (because) => ({ verdict: "refuse", reason: `${container.name}: ${because}` });
    if (newImage.digests.length === 0) return refuse("its new image has no digest");
    for (const reference of newImage.digests) {
      const signatures = await findSignatures(readReference(reference));
      if (!signatures) return { ...refuse(`${reference} is not signed`), verdict: UNSIGNED };
      const signed = signatures.filter(isOurs).map(({ payload }) => signedDigest(payload));
      if (signed.length === 0) return refuse(`${reference} is not signed with ${COSIGN_KEY}`);
      if (!signed.includes(reference.split("@")[1]))
        return refuse(`the signature of ${reference} is over another image`);
    }
    return { verdict: "proceed" };
  }),
);

/** Where cosign puts them: below a tag made of the digest, a layer for each. Undefined without that tag. */
async function findSignatures(image) {
  const manifest = await readRegistry(image, `manifests/${image.digest.replace(":", "-")}.sig`, MANIFEST);
  if (!manifest) return undefined;
  const layers = JSON.parse(manifest).layers.filter(({ mediaType }) => mediaType === PAYLOAD);
  const found = layers.slice(0, MOST_SIGNATURES).map(async ({ digest, annotations = {} }) => ({
    payload: await readRegistry(image, `blobs/${digest}`, PAYLOAD),
    signature: Buffer.from(annotations["dev.cosignproject.cosign/signature"] ?? "", "base64"),
  }));
  return Promise.all(found);
}

function isOurs({ payload, signature }) {
  if (!payload) return false;
  const digest = createHash("sha256").update(payload).digest();
  try {
    const bundle = toMessageSignatureBundle({ digest, signature, keyHint: COSIGN_KEY });
    verifier.verify(toSignedEntity(bundle, payload));
    return true;
  } catch {
    return false;
  }
}

/** What the signature is over. The payload is ours by now, so it is as cosign makes it. */
function signedDigest(payload) {
  const { critical } = JSON.parse(payload);
  return critical.type === "cosign container image signature"
    ? critical.image["docker-manifest-digest"]
    : undefined;
}

function readKey() {
  try {
    return createPublicKey(readFileSync(COSIGN_KEY));
  } catch (error) {
    return fail(`COSIGN_KEY: no public key in ${COSIGN_KEY}: ${error.message}`, 2);
  }
}
