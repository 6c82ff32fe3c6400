import assert from "node:assert/strict";
import Docker from "dockerode";
import { ImageOrigins } from "../../../services/poller/image-origins.ts";
import type { Candidate } from "../../../services/poller/plan/plan.ts";
import type { Engine } from "../../../shared/docker/engine.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import type { ServiceFacts } from "../../../shared/swarm/service-facts.ts";
import { PLAIN_FACTS } from "../../support/plain-facts.ts";

const [OLD, NEW] = ["0", "1"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string];
const ref = parseImageRef("ghcr.io/acme/web:1");
assert.ok(ref);

/** It has containerd's store, and nobody answers at its socket. */
const engine = { store: "containerd", docker: new Docker({ socketPath: "/nowhere" }) } as unknown as Engine;
const registries = { digestsOf: () => Promise.resolve(new Map()) };

const service: ServiceFacts = {
  mode: "replicated",
  replicas: 1,
  image: `${ref.familiar}@${OLD}`,
  isOwn: false,
};
const candidate = (isService: boolean): Candidate => ({
  facts: {
    ...PLAIN_FACTS,
    ...{ id: "s1", name: "web", reference: "ghcr.io/acme/web:1", imageId: OLD },
    ...(isService && { service }),
  },
  ref,
  digests: [OLD],
  isProven: true,
});
const sameAmong = async (isService: boolean): Promise<readonly string[]> => {
  const origins = new ImageOrigins(engine, registries);
  const answers = new Map([[ref.familiar, { kind: "digest", digest: NEW } as const]]);
  const { same } = await origins.examine([candidate(isService)], answers, new AbortController().signal);
  return [...same];
};

describe("a tag that has moved, on an Engine with containerd's store", () => {
  it("has the Engine compare both images for a container", () => assert.rejects(sameAmong(false), /ENOENT/));
  it("is a new image for a service without that: its tasks may run on other platforms", async () =>
    assert.deepEqual(await sameAmong(true), []));
});
