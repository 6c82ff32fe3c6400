import assert from "node:assert/strict";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { type SelfUpdatePolicy, whyNoSelfUpdate } from "../../../shared/containers/self-update-policy.ts";

const part: ContainerFacts = {
  id: "1".repeat(64),
  name: "ouroboros",
  reference: "ouroboros:2",
  imageId: "sha256:old",
  status: "running",
  labels: { "com.ouroboros.role": "updater" },
  autoRemove: false,
  dependsOn: [],
  hardDependsOn: [],
  refersTo: [],
};
const SELF = "part of Ouroboros itself";
const update: SelfUpdatePolicy = { own: [], update: true };
const role = (name: string) => ({ labels: { "com.ouroboros.role": name } });

const cases: [string, Partial<ContainerFacts>, SelfUpdatePolicy, string | undefined][] = [
  ["another's container is none", { labels: {} }, update, undefined],
  ["a part is left alone without SELF_UPDATE", {}, { own: [], update: false }, SELF],
  ["a part is updated with SELF_UPDATE", {}, update, undefined],
  ["our own container needs no label", { labels: {} }, { own: [part.id], update: false }, SELF],
  ["our own container is updated", { labels: {} }, { own: [part.id], update: true }, undefined],
  ["NATS is never updated", role("nats"), update, `${SELF}: a nats is never updated`],
  ["a helper is never updated", role("helper"), update, `${SELF}: a helper is never updated`],
  [
    "two that may be our own are left alone",
    {},
    { own: [part.id, "2".repeat(64)], update: true },
    `${SELF}, which cannot tell its own container`,
  ],
  [
    "our own container is left alone where it ends by itself",
    {},
    { own: [part.id], update: true, once: true },
    `${SELF}, which ends by itself with RUN_ONCE`,
  ],
  [
    "a part that depends on others is left alone",
    { dependsOn: ["db"] },
    update,
    `${SELF}: it is updated without stopping others, so it may depend on none`,
  ],
];

describe("a part of Ouroboros", () => {
  for (const [sentence, change, ourselves, expected] of cases)
    it(sentence, () => assert.equal(whyNoSelfUpdate({ ...part, ...change }, ourselves), expected));
});
