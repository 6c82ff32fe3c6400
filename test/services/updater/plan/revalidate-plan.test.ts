import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Plan } from "../../../../services/updater/plan/plan-message.ts";
import type { Run, InspectedContainer } from "../../../../services/updater/updater.ts";
import type { VerdictWord } from "../../../../shared/contract/messages.ts";
import {
  entryFrom,
  factsOfPlanned,
  revalidatePlan,
} from "../../../../services/updater/plan/revalidate-plan.ts";
import type { ContainerFacts } from "../../../../shared/containers/container-facts.ts";
import { SAME_TAG, parseTagPolicy } from "../../../../shared/settings/tag-policy.ts";
import { PLAIN_FACTS } from "../../../support/plain-facts.ts";

const NOW = 1_000_000;
const web: ContainerFacts = {
  id: "1".repeat(64),
  name: "web",
  reference: "app:1",
  imageId: "sha256:old",
  ...PLAIN_FACTS,
};
const seenAs = (facts: Partial<ContainerFacts>): InspectedContainer[] =>
  [{ facts: { ...web, ...facts } }] as InspectedContainer[];
const planned = { name: "web", id: web.id, imageId: web.imageId, digest: "sha256:new", latest: {} };
const plan = (more: Partial<Plan> = {}): Plan =>
  ({
    engineId: "E",
    text: "",
    publishedAt: NOW - 1000,
    takenAt: NOW,
    containers: [planned],
    ...more,
  }) as unknown as Plan;
const run = (swappedTo?: string, after?: VerdictWord, records?: readonly object[]) =>
  ({
    bus: {
      host: { engine: { id: "E" }, own: [] },
      context: { settings: { MONITOR: [], IGNORE: [], LABEL_ENABLE: false, COMPAT_LABELS: [] } },
    },
    recovered: new Map(),
    journal: {
      run: "r",
      findResult: () => undefined,
      recordsOf: () => records ?? (swappedTo === undefined ? [] : [{ new_id: swappedTo }]),
      findDecision: (event: string) => event === "r-after_update-web" && after && { verdict: after },
    },
  }) as unknown as Run;

describe("what holds of a plan", () => {
  const cases: [string, Plan, InspectedContainer[], boolean, string][] = [
    ["an entry that is as it was", plan(), seenAs({}), true, "holds"],
    [
      "nothing of a plan that was taken too late",
      plan({ publishedAt: NOW - 60_001 }),
      seenAs({}),
      true,
      "the plan was 60 s old when it was taken",
    ],
    [
      "but a run that was begun in time does not expire",
      plan({ publishedAt: NOW - 60_001 }),
      seenAs({}),
      false,
      "holds",
    ],
    [
      "nothing of a plan for another Engine",
      plan({ engineId: "F" }),
      seenAs({}),
      true,
      "the plan is for another Engine (F)",
    ],
    ["no container that is gone", plan(), [], true, "there is no such container any more"],
    [
      "no container that is another one",
      plan(),
      seenAs({ id: "2".repeat(64) }),
      true,
      "it is another container by now",
    ],
    [
      "no container that runs another image",
      plan(),
      seenAs({ imageId: "sha256:x" }),
      true,
      "it runs another image by now",
    ],
    [
      "no container that nobody may touch",
      plan(),
      seenAs({ autoRemove: true }),
      true,
      "started with --rm: it would vanish when stopped",
    ],
  ];
  for (const [sentence, given, seen, isNew, expected] of cases) {
    it(sentence, () => {
      const { entries, expired } = revalidatePlan(run(), given, { seen, isNew, limit: 60_000 });
      assert.deepEqual([...entries.map(() => "holds"), ...expired.map(({ because }) => because)], [expected]);
    });
  }

  it("knows a container that an earlier process had updated and could not say so", () => {
    const id = "3".repeat(64);
    const { committed, entries } = revalidatePlan(run(id), plan(), {
      seen: seenAs({ id }),
      isNew: false,
      limit: 60_000,
    });
    assert.deepEqual([committed.length, entries.length], [1, 0]);
  });

  for (const [verdict, left, over] of [
    ["refuse", 0, 1],
    ["defer", 0, 1],
    ["proceed", 1, 0],
  ] as const) {
    it(`knows whether one that is as before was put back because after_update said ${verdict}`, () => {
      const situation = { seen: seenAs({}), isNew: false, limit: 60_000 };
      const holding = revalidatePlan(run("3".repeat(64), verdict), plan(), situation);
      assert.deepEqual([holding.entries.length, holding.rolledBack.length], [left, over]);
    });
  }

  for (const [sentence, refersTo, over] of [
    ["one that refers to it", ["web"], 1],
    ["one that it has nothing to do with", [], 0],
  ] as const) {
    it(`is put back, or not, by a refusal of after_update for ${sentence}`, () => {
      const refused = { hook: "after_update", verdict: "refuse", container: "other" };
      const seen = [
        ...seenAs({}),
        { facts: { ...web, id: "4".repeat(64), name: "other", refersTo } },
      ] as InspectedContainer[];
      const situation = { seen, isNew: false, limit: 60_000 };
      const holding = revalidatePlan(run(undefined, "proceed", [refused]), plan(), situation);
      assert.equal(holding.rolledBack.length, over);
    });
  }
});

describe("the tag that a plan chooses", () => {
  const judge = (
    { tag, own = "app:1.4.2", label }: { tag?: string; own?: string; label?: string },
    settings: object = { TAG_POLICY: SAME_TAG },
  ) => {
    const { bus, ...rest } = run();
    const withSettings = { ...bus, context: { settings: { ...bus.context.settings, ...settings } } };
    const labels = label === undefined ? {} : { "com.ouroboros.tag_policy": label };
    const [container] = plan().containers;
    const { entries, expired } = revalidatePlan(
      { bus: withSettings, ...rest } as unknown as Run,
      plan({
        containers: [{ ...container, reference: own, ...(tag !== undefined && { tag }) }],
      } as Partial<Plan>),
      { seen: seenAs({ reference: own, labels }), isNew: true, limit: 60_000 },
    );
    return expired[0] === undefined
      ? entries.map(({ ref }) => ref.familiar).join()
      : `${expired[0].isPutOff === true ? "put off" : "expired"}: ${expired[0].because}`;
  };

  it("is taken where the label lets the container move there", () => {
    assert.equal(judge({ tag: "1.5.0", label: "semver:^1.4" }), "app:1.5.0");
  });

  it("is taken where the updater's setting does, and not where a label says `same`", () => {
    const TAG_POLICY = parseTagPolicy("semver:^1.4");
    assert.equal(judge({ tag: "1.5.0" }, { TAG_POLICY }), "app:1.5.0");
    assert.match(
      judge({ tag: "1.5.0", label: "same" }, { TAG_POLICY }),
      /^put off: its tag policy here, same, takes no/,
    );
  });

  for (const tag of ["2.0.0", "1.4.1", "1.5.0-alpine", "1.5.0-rc1", "latest"])
    it(`is not taken where that is ${tag}, which the policy would never choose`, () => {
      assert.match(
        judge({ tag, label: "semver:^1.4" }),
        /^put off: its tag policy here, semver:\^1\.4, takes no tag /,
      );
    });

  it("is its own, without a policy or without a tag in the plan", () => {
    assert.equal(judge({}), "app:1.4.2");
    assert.equal(judge({ label: "semver:^1.4" }), "app:1.4.2");
    assert.match(judge({ tag: "1.5.0" }), /^put off: /);
  });
});

describe("a planned service that the Engine does not show", () => {
  it("stays a service, with the image of the plan", () => {
    const service = {
      ...planned,
      id: "s1",
      reference: "registry.lab:5000/app:1",
      latest: { tags: [] } as never,
      isService: true,
    };
    const { facts, ref } = entryFrom(service, factsOfPlanned(service), {
      LATEST_ONLY: false,
      TAG_POLICY: SAME_TAG,
    });
    assert.ok(facts.service);
    assert.deepEqual(
      [facts.id, facts.imageId, ref.familiar],
      ["s1", "sha256:old", "registry.lab:5000/app:1"],
    );
  });
});
