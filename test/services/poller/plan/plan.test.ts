import assert from "node:assert/strict";
import type { ContainerFacts } from "../../../../shared/containers/container-facts.ts";
import { parseImageRef } from "../../../../shared/registry/image-ref.ts";
import { type HeldEntry, holderOf } from "../../../../shared/contract/held-entry.ts";
import {
  type RegistryAnswer,
  type SoakedAnswer,
  chooseCandidates,
  findNewer,
  hasTagMoved,
  makePlan,
  unknownDependencies,
} from "../../../../services/poller/plan/plan.ts";
import type { FollowedTag } from "../../../../services/poller/tags/followed-tag.ts";
import { type ImageStore, originKey } from "../../../../shared/registry/provenance.ts";
import type { WatchSettings } from "../../../../shared/containers/watch-list.ts";
import { PLAIN_FACTS } from "../../../support/plain-facts.ts";

const OLD = `sha256:${"0".repeat(64)}`;
const NEW = `sha256:${"1".repeat(64)}`;
const NOW = Date.parse("2026-07-01T12:00:00Z");

const web: ContainerFacts = {
  id: "a".repeat(64),
  name: "web",
  reference: "ghcr.io/acme/web:1",
  imageId: "sha256:image",
  ...PLAIN_FACTS,
};
const labelled = (value: string): Partial<ContainerFacts> => ({ labels: { "com.ouroboros.enable": value } });
const all: WatchSettings = {
  MONITOR: [],
  IGNORE: [],
  LABEL_ENABLE: false,
  LABELS_ONLY: false,
  COMPAT_LABELS: [],
};
const WATCHTOWER = "com.centurylinklabs.watchtower";
const both = { COMPAT_LABELS: ["watchtower", "wud"] } as const satisfies Partial<WatchSettings>;
const withLabel = (label: string, value: string): Partial<ContainerFacts> => ({ labels: { [label]: value } });

interface Given {
  readonly web?: Partial<ContainerFacts>;
  readonly others?: readonly ContainerFacts[];
  readonly wishes?: Partial<WatchSettings>;
  readonly digests?: readonly string[];
  readonly noImage?: true;
  readonly answer?: RegistryAnswer;
  readonly held?: Partial<HeldEntry>;
  readonly store?: ImageStore;
  /** Why its registry does not know its image. */
  readonly stranger?: string;
  readonly lost?: string;
  readonly isSeen?: true;
  readonly isSame?: true;
}

/** The whole decision about `web`, whose tag has moved unless `given` says otherwise. */
function decide(given: Given): string {
  const facts = { ...web, ...given.web };
  const others = given.others ?? [];
  const ref = parseImageRef(facts.reference);
  const digests = given.noImage ? undefined : (given.digests ?? [`ghcr.io/acme/web@${OLD}`]);
  const choice = chooseCandidates(
    [
      { facts, digests, ...(given.lost && { lost: given.lost }) },
      ...others.map((other) => ({ facts: other, digests: [`app@${NEW}`] })),
    ],
    { ...all, ...given.wishes },
    undefined,
    {
      store: given.store ?? "driver",
      known: new Set(given.isSeen && ref ? [originKey(ref, facts.imageId)] : []),
    },
  );
  const held: HeldEntry = {
    digest: NEW,
    because: "not today",
    by: "calendar",
    until: null,
    tries: 1,
    ...given.held,
  };
  const plan = makePlan({
    candidates: choice.candidates,
    answers: new Map([
      ["ghcr.io/acme/web:1", given.answer ?? { kind: "digest", digest: NEW }],
      ["app:1", { kind: "digest", digest: NEW }],
    ]),
    held: given.held === undefined ? new Map() : new Map([["web", held]]),
    all: [facts, ...others],
    compat: given.wishes?.COMPAT_LABELS ?? [],
    now: NOW,
    strangers: new Map(given.stranger === undefined ? [] : [["web", given.stranger]]),
    same: new Set(given.isSame && ["web"]),
  });
  const left = [...choice.skipped, ...plan.skipped].find(({ container }) => container === facts);
  const entry = plan.groups.flatMap(({ entries }) => entries).find((one) => one.facts === facts);
  assert.ok((left === undefined) !== (entry === undefined), "each container gets one decision");
  return entry === undefined ? `left: ${left?.because ?? ""}` : `update to ${entry.digest}`;
}

describe("the plan for a container", () => {
  const update = `update to ${NEW}`;
  const cases: readonly [string, Given, string][] = [
    ["updates it when its tag has moved", {}, update],
    ["leaves it when it is current", { digests: [`ghcr.io/acme/web@${NEW}`] }, "left: current"],
    [
      "knows it is current by any of its image's digests in that repository",
      { digests: [`ghcr.io/acme/web@${OLD}`, `ghcr.io/acme/web@${NEW}`] },
      "left: current",
    ],
    [
      "knows nothing by a digest in another repository",
      { digests: [`ghcr.io/acme/web@${OLD}`, `mirror.lab/web@${NEW}`] },
      update,
    ],
    [
      "knows a repository by any name that the Engine may give it",
      { web: { reference: "web:1" }, digests: [`docker.io/library/web@${OLD}`] },
      "left: its registry was not asked",
    ],
    [
      "leaves what an update has not brought to its end",
      { web: { name: "web.ouroboros-old-01abc-0123456789ab" } },
      "left: an update of web is not over: where none is under way, `ouroboros repair web` ends it",
    ],
    [
      "leaves it when the container whose network it shares is gone",
      { lost: "0123456789abcdef" },
      "left: the container 0123456789ab, whose network or other namespace it shares, is gone: recreate it",
    ],
    [
      "leaves it when its image was built here",
      { digests: [] },
      "left: built here: its image comes from no registry; to have it updated, run it by the name under which its image was pulled",
    ],
    [
      "leaves it when its image was pulled from elsewhere and tagged here",
      { digests: [`mirror.lab/web@${OLD}`] },
      "left: tagged here: its image comes from mirror.lab/web, and not from the repository of ghcr.io/acme/web:1; to have it updated, run it by the name under which its image was pulled",
    ],
    [
      "leaves it when the registry does not know its image",
      { store: "containerd", stranger: "built or tagged here" },
      "left: built or tagged here",
    ],
    [
      "asks about whatever bears a digest where that proves nothing",
      { store: "podman", digests: [`localhost/web@${OLD}`] },
      update,
    ],
    [
      "updates one that lost its names, where its id is its digest",
      { store: "containerd", digests: [], web: { imageId: OLD } },
      update,
    ],
    ["knows one by that id", { store: "containerd", digests: [], web: { imageId: NEW } }, "left: current"],
    [
      "leaves one that lost its names, and was never seen before",
      { store: "podman", digests: [] },
      "left: built here: its image comes from no registry; to have it updated, run it by the name under which its image was pulled",
    ],
    [
      "updates one that lost its names, and was seen before",
      { store: "podman", digests: [], isSeen: true },
      update,
    ],
    [
      "leaves it when its tag has moved to the same content",
      { store: "containerd", isSame: true },
      "left: current",
    ],
    [
      "leaves it when its image is gone",
      { noImage: true },
      "left: the Engine no longer has the image it runs",
    ],
    [
      "leaves it when its registry gives no digest, and says why",
      { answer: { kind: "unknown", because: "registry unreachable: ghcr.io: no answer within 10 s" } },
      "left: registry unreachable: ghcr.io: no answer within 10 s",
    ],
    [
      "leaves it when it is pinned",
      { web: { reference: `ghcr.io/acme/web:1@${OLD}` } },
      "left: pinned by digest",
    ],
    ["leaves it when it does not run", { web: { status: "exited" } }, "left: not running"],
    [
      "leaves parts of Ouroboros alone",
      { web: { labels: { "com.ouroboros.role": "poller" } } },
      "left: part of Ouroboros itself",
    ],
    [
      "leaves it in a cycle of dependencies",
      {
        web: { dependsOn: ["db"] },
        others: [{ ...web, id: "b".repeat(64), name: "db", reference: "app:1", dependsOn: ["web"] }],
      },
      "left: its dependencies form a cycle",
    ],
    ["watches what MONITOR names", { wishes: { MONITOR: ["db", "web"] } }, update],
    ["leaves what MONITOR does not name", { wishes: { MONITOR: ["db"] } }, "left: not monitored"],
    ["leaves what IGNORE names", { wishes: { IGNORE: ["web"] } }, "left: ignored"],
    ["ignores a name in both lists", { wishes: { MONITOR: ["web"], IGNORE: ["web"] } }, "left: ignored"],
    ["does not read the label without LABEL_ENABLE", { web: labelled("false") }, update],
    [
      "watches what is labelled, even if it is ignored",
      { web: labelled("true"), wishes: { LABEL_ENABLE: true, IGNORE: ["web"] } },
      update,
    ],
    [
      "watches what is labelled, even if it is not monitored",
      { web: labelled("Yes"), wishes: { LABEL_ENABLE: true, MONITOR: ["db"] } },
      update,
    ],
    [
      "takes any other value for no, even if it is monitored",
      { web: labelled("1"), wishes: { LABEL_ENABLE: true, MONITOR: ["web"] } },
      "left: its label com.ouroboros.enable says no",
    ],
    [
      "takes an empty label for no",
      { web: labelled(""), wishes: { LABEL_ENABLE: true } },
      "left: its label com.ouroboros.enable says no",
    ],
    [
      "leaves what is protected from an updater whose labels are not read",
      { web: withLabel("wud.watch", "false") },
      "left: its label wud.watch keeps wud from updating it, and may be meant for all updaters",
    ],
    [
      "leaves what another updater only watches, too",
      { web: withLabel(`${WATCHTOWER}.monitor-only`, "true") },
      `left: its label ${WATCHTOWER}.monitor-only keeps watchtower from updating it, and may be meant for all updaters`,
    ],
    [
      "does not mind what they protect where MONITOR names it",
      { web: withLabel("wud.watch", "false"), wishes: { MONITOR: ["web"] } },
      update,
    ],
    ["reads no other of their labels", { web: withLabel(`${WATCHTOWER}.enable`, "true") }, update],
    [
      "leaves what watchtower's label excludes",
      { web: withLabel(`${WATCHTOWER}.enable`, "false"), wishes: both },
      `left: its label ${WATCHTOWER}.enable says no`,
    ],
    [
      "leaves what the label of What's Up Docker excludes",
      { web: withLabel("wud.watch", "false"), wishes: both },
      "left: its label wud.watch says no",
    ],
    [
      "reads only the labels that are asked for",
      {
        web: withLabel("wud.watch", "true"),
        wishes: { COMPAT_LABELS: ["watchtower"], LABEL_ENABLE: true, LABELS_ONLY: true },
      },
      "left: not labelled",
    ],
    [
      "watches what others' labels include",
      { web: withLabel("wud.watch", "true"), wishes: { ...both, LABEL_ENABLE: true, LABELS_ONLY: true } },
      update,
    ],
    [
      "takes its own label before others'",
      {
        web: { labels: { "com.ouroboros.enable": "true", [`${WATCHTOWER}.enable`]: "false" } },
        wishes: { ...both, LABEL_ENABLE: true },
      },
      update,
    ],
    [
      "leaves what watchtower's label only monitors, and says that there is something",
      { web: withLabel(`${WATCHTOWER}.monitor-only`, "true"), wishes: both },
      `left: only monitored: a newer image is there, but its label ${WATCHTOWER}.monitor-only says not to update it`,
    ],
    ["falls back to the lists without the label", { wishes: { LABEL_ENABLE: true } }, update],
    [
      "falls back to IGNORE without the label",
      { wishes: { LABEL_ENABLE: true, IGNORE: ["web"] } },
      "left: ignored",
    ],
    [
      "watches labelled ones alone with LABELS_ONLY",
      { wishes: { LABEL_ENABLE: true, LABELS_ONLY: true, MONITOR: ["web"] } },
      "left: not labelled",
    ],
    [
      "watches a labelled one with LABELS_ONLY",
      { web: labelled("true"), wishes: { LABEL_ENABLE: true, LABELS_ONLY: true } },
      update,
    ],
    [
      "watches nothing with LABELS_ONLY alone",
      { web: labelled("true"), wishes: { LABELS_ONLY: true } },
      "left: LABELS_ONLY without LABEL_ENABLE watches nothing",
    ],
    ["leaves a held digest", { held: {} }, "left: held: not today (calendar), until the tag changes"],
    [
      "leaves a digest that is held for a while",
      { held: { until: NOW + 1 } },
      "left: held: not today (calendar), until 2026-07-01T12:00:00.001Z",
    ],
    ["updates when the while is over", { held: { until: NOW } }, update],
    ["updates when another digest is held", { held: { digest: OLD } }, update],
  ];
  for (const [sentence, given, expected] of cases) it(sentence, () => assert.equal(decide(given), expected));
});

describe("a plan", () => {
  const db: ContainerFacts = { ...web, id: "d".repeat(64), name: "db", reference: "postgres:16" };
  const candidate = (facts: ContainerFacts) => ({
    facts,
    ref: {
      registry: "docker.io",
      repository: "library/app",
      tag: "1",
      digest: undefined,
      name: "app",
      familiar: "app:1",
    },
    digests: [OLD],
    isProven: true,
  });
  const answers = new Map<string, RegistryAnswer>([["app:1", { kind: "digest", digest: NEW }]]);

  it("holds the dependencies of its groups, soft and hard ones apart", () => {
    const cache: ContainerFacts = { ...db, id: "c".repeat(64), name: "cache" };
    const app: ContainerFacts = { ...web, dependsOn: ["db"], hardDependsOn: ["cache"] };
    const plan = makePlan({
      candidates: [candidate(app)],
      answers,
      held: new Map(),
      all: [app, db, cache],
      compat: [],
      now: NOW,
    });
    assert.deepEqual(plan.groups, [
      {
        entries: [{ facts: app, ref: candidate(app).ref, digest: NEW }],
        dependencies: [db],
        hardDependencies: [cache],
      },
    ]);
  });

  it("is not all that is newer: what is held is newer too, and what is current or a stranger's is not", () => {
    const named = (name: string) => ({ ...web, name });
    const find = (name: string, change: object = {}) =>
      findNewer({
        ...{ candidates: [candidate(named(name))], answers, held: new Map(), all: [], compat: [], now: NOW },
        ...change,
      });
    const hold: HeldEntry = { digest: NEW, because: "no", by: "b", until: null, tries: 1 };
    assert.deepEqual([holderOf(hold), holderOf({ by: "(hub)" })], ["b", "hub"]);
    const monitored = { ...named("d"), labels: { [`${WATCHTOWER}.monitor-only`]: "true" } };
    assert.deepEqual([...find("a")], [["a", NEW]]);
    assert.deepEqual([...find("b", { held: new Map([["b", hold]]) })], [["b", NEW]]);
    assert.deepEqual(
      [...find("d", { candidates: [candidate(monitored)], compat: ["watchtower"] })],
      [["d", NEW]],
    );
    assert.deepEqual([...find("c", { strangers: new Map([["c", "built here"]]) })], []);
    assert.deepEqual([...find("c", { same: new Set(["c"]) })], []);
    assert.deepEqual([...find("c", { answers: new Map() })], []);
    assert.deepEqual([...find("c", { candidates: [{ ...candidate(named("c")), digests: [NEW] }] })], []);
  });

  it("asks who may move before it is known what is held", () => {
    assert.equal(hasTagMoved(candidate(web), answers), true);
    assert.equal(hasTagMoved({ ...candidate(web), digests: [NEW] }, answers), false);
    assert.equal(hasTagMoved(candidate(web), new Map()), false);
  });

  const service = (name: string, more: Partial<ContainerFacts> = {}): ContainerFacts => ({
    ...web,
    id: `service-${name}`,
    name,
    imageId: OLD,
    labels: { "com.ouroboros.enable": "true" },
    service: { mode: "replicated", replicas: 1, image: `ghcr.io/acme/web:1@${OLD}`, isOwn: false },
    ...more,
  });
  const planOf = (facts: readonly ContainerFacts[]) => {
    const watched = facts.map((one) => ({ facts: one, digests: [`ghcr.io/acme/web@${OLD}`] }));
    const { candidates, skipped } = chooseCandidates(watched, all);
    const answers = new Map([["ghcr.io/acme/web:1", { kind: "digest", digest: NEW } as const]]);
    const plan = makePlan({ candidates, answers, held: new Map(), all: facts, now: NOW, compat: [] });
    const groups = plan.groups.map(({ entries, dependencies }) =>
      [entries, dependencies.map((one) => ({ facts: one }))].map((list) =>
        list.map((one) => one.facts.name).join(),
      ),
    );
    return {
      groups,
      skipped: [...skipped, ...plan.skipped].map(({ container, because }) => [container.name, because]),
    };
  };

  it("has services in groups of their own, in the order of their labels, and stops none", () => {
    const front = service("front", { dependsOn: ["back", "cache"] });
    const { groups, skipped } = planOf([{ ...web, dependsOn: ["back"] }, service("back"), front]);
    assert.deepEqual(groups, [
      ["web", ""],
      ["front,back", ""],
    ]);
    assert.deepEqual(skipped, []);
  });

  it("leaves a service alone that has the name of a container", () => {
    const { groups, skipped } = planOf([web, service("web")]);
    assert.deepEqual(groups, [["web", ""]]);
    assert.match(skipped[0]?.[1] ?? "", /a container of this host has the same name/);
  });

  it("knows which names in dependency labels nobody bears", () =>
    assert.deepEqual(
      unknownDependencies({ ...web, dependsOn: ["db", "dbb"], hardDependsOn: ["x"] }, [web, db]),
      ["dbb", "x"],
    ));
});

describe("a tag that a policy has chosen", () => {
  const own = parseImageRef("ghcr.io/acme/web:1.4.2");
  const later = parseImageRef("ghcr.io/acme/web:1.5.0");
  const facts = { ...web, reference: "ghcr.io/acme/web:1.4.2" };
  const plan = (followed: FollowedTag, soaked?: SoakedAnswer) => {
    const ref = followed.kind === "follows" ? later : own;
    assert.ok(ref);
    return makePlan({
      candidates: [{ facts, ref, digests: [OLD], isProven: true, followed }],
      answers: new Map([["ghcr.io/acme/web:1.5.0", { kind: "digest", digest: NEW }]]),
      ...{ held: new Map(), all: [facts], now: NOW, compat: [] },
      ...(soaked !== undefined && { soaked: new Map([["web", soaked]]) }),
    });
  };
  const follows: FollowedTag = {
    ...{ kind: "follows", policy: "semver:^1.4", own: "1.4.2", tag: "1.5.0" },
    passedOver: [{ tag: "2.0.0", because: "not in its policy" }],
  };

  it("is in the plan, with what was passed over", () => {
    const [entry] = plan(follows).groups.flatMap(({ entries }) => entries);
    assert.deepEqual(
      [entry?.ref.familiar, entry?.digest, entry?.passedOver],
      ["ghcr.io/acme/web:1.5.0", NEW, undefined],
    );
    assert.deepEqual(entry?.move, {
      ...{ from: "1.4.2", to: "1.5.0", policy: "semver:^1.4" },
      passed_over: [{ tag: "2.0.0", because: "not in its policy" }],
    });
  });

  it("has an older digest told with it alone: an older updater would give that the container's own tag", () => {
    const digest = `sha256:${"2".repeat(64)}`;
    const [entry] = plan(follows, { kind: "older", digest }).groups.flatMap(({ entries }) => entries);
    assert.deepEqual([entry?.digest, entry?.passedOver, entry?.move?.on_tag], [digest, undefined, NEW]);
  });

  it("is none where the tags could not be listed: the container is left alone", () => {
    const { groups, skipped } = plan({ kind: "unknown", policy: "newest", because: "no list" });
    assert.deepEqual([groups, skipped], [[], [{ container: facts, because: "no list", wrong: true }]]);
  });
});
