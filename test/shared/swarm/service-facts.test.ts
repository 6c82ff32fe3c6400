import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { whySkipped } from "../../../shared/containers/container-facts.ts";
import { whyUnwatched } from "../../../shared/containers/watch-list.ts";
import { factsOfService } from "../../../shared/swarm/read-services.ts";
import { ServiceDocument } from "../../../shared/swarm/service-document.ts";
import { readSettings } from "../../../shared/settings/read-settings.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const YES = { "com.ouroboros.enable": "true" };

interface Given {
  readonly image?: string;
  readonly mode?: object;
  readonly labels?: Readonly<Record<string, string>>;
  readonly status?: { readonly State: string; readonly Message?: string };
}

const service = ({
  image = `nginx:1.29@${DIGEST}`,
  mode = { Replicated: { Replicas: 2 } },
  labels = YES,
  status,
}: Given): ServiceDocument =>
  ServiceDocument.parse({
    ID: "s1",
    Version: { Index: 7 },
    CreatedAt: "2026-01-01T00:00:00Z",
    Spec: { Name: "web", Labels: labels, TaskTemplate: { ContainerSpec: { Image: image } }, Mode: mode },
    ...(status !== undefined && { UpdateStatus: status }),
  });

const cases: readonly (readonly [string, Given, RegExp | undefined])[] = [
  ["with a tag and the digest that Docker added is updated", {}, undefined],
  ["of a registry with a port is, too", { image: `registry.lab:5000/app:1@${DIGEST}` }, undefined],
  ["that is global is updated", { mode: { Global: {} } }, undefined],
  ["after a completed update is updated", { status: { State: "completed" } }, undefined],
  ["after a rollback is updated", { status: { State: "rollback_completed" } }, undefined],
  ["with a digest and no tag is pinned on purpose", { image: `nginx@${DIGEST}` }, /^pinned by digest/],
  [
    "of a registry with a port is pinned on purpose, too",
    { image: `registry.lab:5000/app@${DIGEST}` },
    /^pinned by digest/,
  ],
  ["without a digest is left alone", { image: "nginx:1.29" }, /has no digest.*--image nginx:1.29 web/],
  ["that is a job is left alone", { mode: { ReplicatedJob: {} } }, /^a job/],
  ["that is a global job is left alone", { mode: { GlobalJob: {} } }, /^a job/],
  ["that is scaled to 0 is left alone", { mode: { Replicated: { Replicas: 0 } } }, /^scaled to 0/],
  ["that somebody updates is left alone", { status: { State: "updating" } }, /under way/],
  ["that is being rolled back is left alone", { status: { State: "rollback_started" } }, /under way/],
  [
    "whose update is paused is left alone",
    { status: { State: "paused", Message: "task t1 failed" } },
    /paused: task t1 failed/,
  ],
  [
    "that is a part of Ouroboros is left alone",
    { labels: { ...YES, "com.ouroboros.role": "nats" } },
    /Ouroboros itself/,
  ],
];

describe("a service", () => {
  for (const [sentence, given, because] of cases)
    it(sentence, () => {
      const found = whySkipped(factsOfService(service(given), []), []);
      if (because === undefined) assert.equal(found, undefined);
      else assert.match(found ?? "", because);
    });

  it("that this program runs in is left alone", () =>
    assert.match(whySkipped(factsOfService(service({}), ["s1"]), []) ?? "", /Ouroboros itself/));

  const watched: readonly (readonly [string, Given, NodeJS.ProcessEnv, RegExp | undefined])[] = [
    ["with the label is watched", {}, {}, undefined],
    ["without it is not", { labels: {} }, {}, /without the label/],
    [
      "whose label says no is not, LABEL_ENABLE or not",
      { labels: { "com.ouroboros.enable": "no" } },
      {},
      /says no/,
    ],
    ["that IGNORE names is not", {}, { IGNORE: "web" }, /^ignored/],
    ["that MONITOR does not name is not", {}, { MONITOR: "db" }, /^not monitored/],
    ["whose label is read beats IGNORE", {}, { IGNORE: "web", LABEL_ENABLE: "true" }, undefined],
  ];
  for (const [sentence, given, env, because] of watched)
    it(sentence, () => {
      const found = whyUnwatched(factsOfService(service(given), []), readSettings(env, new Map()));
      if (because === undefined) assert.equal(found, undefined);
      else assert.match(found ?? "", because);
    });
});
