import assert from "node:assert/strict";
import { splitPlan, fingerprint, planEvent } from "../../../../services/poller/plan/plan-event.ts";
import type { PlannedGroup } from "../../../../services/poller/plan/plan.ts";
import type { ContainerFacts } from "../../../../shared/containers/container-facts.ts";
import { parseEventData } from "../../../../shared/contract/messages.ts";
import type { ContainerPayload, ImagePayload, ServicePayload } from "../../../../shared/contract/payloads.ts";
import { PLAIN_FACTS } from "../../../support/plain-facts.ts";

const DIGEST = `sha256:${"1".repeat(64)}`;
const image: ImagePayload = {
  id: "sha256:old",
  short_id: "sha256:old",
  tags: [],
  digests: [],
  labels: {},
  created: null,
  size: 1,
};
const facts = (name: string): ContainerFacts => ({
  id: name,
  name,
  reference: "ghcr.io/acme/app:2",
  imageId: image.id,
  ...PLAIN_FACTS,
});
const container = (name: string, kilobytes: number): ContainerPayload => ({
  id: name,
  short_id: name,
  name,
  status: "running",
  image: "ghcr.io/acme/app:2",
  image_id: image.id,
  labels: {},
  created: "2026-07-01T12:00:00Z",
  networks: ["x".repeat(kilobytes * 1024)],
  ports: {},
  mounts: [],
  health: null,
});
const group = (...names: string[]): PlannedGroup => ({
  entries: names.map((name) => ({
    facts: facts(name),
    ref: {
      registry: "ghcr.io",
      repository: "acme/app",
      tag: "2",
      digest: undefined,
      name: "ghcr.io/acme/app",
      familiar: "ghcr.io/acme/app:2",
    },
    digest: DIGEST,
  })),
  dependencies: [],
  hardDependencies: [],
});
const namesOf = (groups: readonly PlannedGroup[]): string =>
  groups.map(({ entries }) => entries.map((one) => one.facts.name).join("+")).join(" ");
const context = { host: "web-01", engine_id: "E", run: "r1", mode: "update", reason: "why" } as const;

describe("the plan as an event", () => {
  const seen = {
    containers: new Map(["web", "db", "cache"].map((name) => [name, container(name, 0)])),
    services: new Map(),
    images: new Map([[image.id, image]]),
    labels: ["*"],
  };

  it("has the locals of updates_enumerated, and an id that follows from the run", () => {
    const plan = { ...group("web"), dependencies: [facts("db")], hardDependencies: [facts("cache")] };
    const event = planEvent(context, "2026-07-01T12:00:00Z", [plan], seen);
    const data = parseEventData("updates_enumerated", event);
    assert.equal(event.id, "r1-updates_enumerated");
    assert.equal(event.source, "//ouroboros/web-01/poller");
    assert.deepEqual(
      data.updateable.map((one) => [one.container.name, one.current_image.id, one.latest_image]),
      [
        [
          "web",
          "sha256:old",
          {
            id: DIGEST,
            short_id: `sha256:${"1".repeat(12)}`,
            tags: ["ghcr.io/acme/app:2"],
            digests: [`ghcr.io/acme/app@${DIGEST}`],
            labels: null,
            created: null,
            size: null,
          },
        ],
      ],
    );
    assert.deepEqual(
      [data.depends_on_containers, data.hard_depends_on_containers].map((list) =>
        list.map(({ name }) => name),
      ),
      [["db"], ["cache"]],
    );
  });

  it("has services in a list of their own, which is not there without any", () => {
    const front: ServicePayload = {
      ...{
        id: "front",
        short_id: "front",
        name: "front",
        mode: "global",
        replicas: null,
        labels: {},
        ports: [],
      },
      ...{ image: "ghcr.io/acme/app:2", image_id: image.id, version: 7, update_status: null, created: "" },
    };
    const [entry] = group("front").entries;
    assert.ok(entry);
    const service = { mode: "global", replicas: null, image: "", isOwn: false } as const;
    const services = { ...group(), entries: [{ ...entry, facts: { ...entry.facts, service } }] };
    const all = { ...seen, services: new Map([[entry.facts.id, front]]) };
    const { updateable, updateable_services: found } = parseEventData(
      "updates_enumerated",
      planEvent(context, "", [group("web"), services], all),
    );
    assert.deepEqual(
      [updateable.map((one) => one.container.name), found?.map((one) => one.service.name)],
      [["web"], ["front"]],
    );
    const without = planEvent(context, "", [group("web")], seen);
    assert.equal("updateable_services" in without.data, false);
  });

  it("is not made of what was never seen", () =>
    assert.throws(() => planEvent(context, "", [group("nobody")], seen), /nobody was not seen/));
});

describe("a plan that grows too large", () => {
  const sizes: Record<string, number> = { a: 90, b: 90, c: 90, d: 90, huge: 300, big: 230, s1: 10, s2: 10 };
  const seen = {
    containers: new Map(Object.entries(sizes).map(([name, size]) => [name, container(name, size)])),
    services: new Map(),
    images: new Map([[image.id, image]]),
    labels: ["*"],
  };
  interface Parts {
    readonly now: string;
    readonly rest: string;
    readonly tooLarge: string;
  }
  const cases: readonly [string, readonly PlannedGroup[], Parts][] = [
    ["is not cut where it fits", [group("a"), group("b")], { now: "a b", rest: "", tooLarge: "" }],
    [
      "is cut between groups",
      [group("a"), group("b"), group("c"), group("d")],
      { now: "a b", rest: "c d", tooLarge: "" },
    ],
    [
      "is never cut within one",
      [group("s1"), group("a", "b"), group("c")],
      { now: "s1 a+b", rest: "c", tooLarge: "" },
    ],
    [
      "keeps its order",
      [group("a"), group("b", "c"), group("s1")],
      { now: "a", rest: "b+c s1", tooLarge: "" },
    ],
    [
      "has one group that is larger alone",
      [group("big"), group("s1")],
      { now: "big", rest: "s1", tooLarge: "" },
    ],
    [
      "leaves a group that fits in no message",
      [group("huge"), group("s1"), group("a", "b", "c")],
      { now: "s1", rest: "", tooLarge: "huge a+b+c" },
    ],
    ["is nothing of nothing", [], { now: "", rest: "", tooLarge: "" }],
  ];
  for (const [sentence, groups, expected] of cases)
    it(sentence, () => {
      const parts = splitPlan(groups, seen);
      assert.deepEqual(
        { now: namesOf(parts.now), rest: namesOf(parts.rest), tooLarge: namesOf(parts.tooLarge) },
        expected,
      );
      const bytes = Buffer.byteLength(JSON.stringify(planEvent(context, "", parts.now, seen)));
      assert.ok(bytes < (parts.now.length > 1 ? 200 : 250) * 1024);
    });
});

describe("a group's fingerprint", () => {
  it("does not depend on the order", () =>
    assert.equal(fingerprint(group("a", "b")), fingerprint(group("b", "a"))));

  it("changes with a container and with a digest", () => {
    const [entry] = group("a").entries;
    assert.ok(entry);
    const moved = { ...group("a"), entries: [{ ...entry, digest: `sha256:${"2".repeat(64)}` }] };
    assert.equal(new Set([group("a"), group("b"), group("a", "b"), moved].map(fingerprint)).size, 4);
  });
});
