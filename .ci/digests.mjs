// The images that are named by tag and digest, and what Docker Hub has under those tags now. Before a release:
//
//   node .ci/digests.mjs            says which digests have changed, and ends with 1 where some have
//   node .ci/digests.mjs --write    puts the new ones into the files
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILES = ["Dockerfile", "compose.yaml", "nats/nats-container.ts"];
const PINNED = /\b([a-z0-9-]+):([\w.-]+)@(sha256:[0-9a-f]{64})/g;
const KINDS = [
  ...["image.index.v1", "image.manifest.v1"].map((kind) => `application/vnd.oci.${kind}+json`),
  ...["list.v2", "v2"].map((kind) => `application/vnd.docker.distribution.manifest.${kind}+json`),
];

const folder = join(import.meta.dirname, "..");
const isWriting = process.argv.includes("--write");
const known = new Map();

for (const file of FILES) {
  const text = readFileSync(join(folder, file), "utf8");
  let now = text;
  for (const [, name, tag, digest] of text.matchAll(PINNED)) {
    const current = await digestOf(name, tag);
    console.log(
      `${file}: ${name}:${tag} ${current === digest ? "has not changed" : `is ${current} now, not ${digest}`}`,
    );
    if (current !== digest && !isWriting) process.exitCode = 1;
    now = now.replaceAll(`${name}:${tag}@${digest}`, `${name}:${tag}@${current}`);
  }
  if (isWriting && now !== text) writeFileSync(join(folder, file), now);
}

/** Of all platforms, where there are several. */
async function digestOf(name, tag) {
  const reference = `${name}:${tag}`;
  if (!known.has(reference)) known.set(reference, await ask(`library/${name}`, tag));
  return known.get(reference);
}

async function ask(repository, tag) {
  const service = "service=registry.docker.io";
  const granted = await fetch(`https://auth.docker.io/token?${service}&scope=repository:${repository}:pull`);
  const { token } = await granted.json();
  const found = await fetch(`https://registry-1.docker.io/v2/${repository}/manifests/${tag}`, {
    method: "HEAD",
    headers: { accept: KINDS.join(), authorization: `Bearer ${token}` },
  });
  const digest = found.headers.get("docker-content-digest");
  if (!found.ok || digest === null)
    throw new Error(`${repository}:${tag}: the registry answered ${found.status}`);
  return digest;
}
