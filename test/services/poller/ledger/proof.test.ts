// COOLDOWN_AFTER: what other hosts have proved.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import { findUnfinished, observationsOf } from "../../../../services/poller/ledger/note-updates.ts";
import { emptyEntry, noteEnd, noteOnTag, noteRunning } from "../../../../services/poller/ledger/observe.ts";
import { type BelievedLedger, isProved, proofOf } from "../../../../services/poller/ledger/proof.ts";
import { soakedCandidates } from "../../../../services/poller/ledger/soaked-candidates.ts";
import { chooseSoaked } from "../../../../services/poller/ledger/soak.ts";
import type { UpdateResult } from "../../../../shared/contract/payloads.ts";
import type { LedgerEntry } from "../../../../shared/contract/ledger.ts";
import { parseImageRef } from "../../../../shared/registry/image-ref.ts";
import { PLAIN_FACTS } from "../../../support/plain-facts.ts";

const SERVICE = { mode: "replicated", replicas: 1, image: "web:1", isOwn: false } as const;
const DAY = 86_400_000;
const T0 = Date.UTC(2026, 0, 1);
const empty = (): LedgerEntry => emptyEntry("web:1", "linux/amd64");

/** On a host: on which day a digest ran first, or an update to it ended. */
type Happened = readonly [day: number, digest: string, what: UpdateResult | "runs"];

function ledgerOf(host: string, all: readonly Happened[]): BelievedLedger {
  let entry = empty();
  for (const [day, digest, what] of all) {
    const at = T0 + day * DAY;
    entry =
      what === "runs" ? noteRunning(entry, new Map([[digest, 1]]), at) : noteEnd(entry, digest, what, at);
  }
  return { host, entry };
}

describe("with a cooldown of three days a host has proved a digest", () => {
  const cases: readonly [string, readonly Happened[], boolean][] = [
    ["that it has run for so long", [[0, "b", "runs"]], true],
    ["not, that it runs since later", [[0.1, "b", "runs"]], false],
    ["not, that it has never run", [[0, "a", "runs"]], false],
    [
      "not, that it runs since later, though an update to it was put off before",
      [
        [0, "b", "deferred"],
        [2, "b", "updated"],
      ],
      false,
    ],
    [
      "not, that it runs since later, though an update to it had failed before",
      [
        [0, "b", "failed"],
        [2, "b", "runs"],
      ],
      false,
    ],
    [
      "that was started there by its owner, and has moved on",
      [
        [0, "b", "runs"],
        [1, "c", "updated"],
        [1, "c", "runs"],
      ],
      true,
    ],
    [
      "that it was updated to and away from",
      [
        [0, "b", "updated"],
        [1, "c", "runs"],
      ],
      true,
    ],
    [
      "not, that it was only to be updated to",
      [
        [0, "b", "refused"],
        [0, "b", "failed"],
      ],
      false,
    ],
    [
      "not, that was rolled back there, also where it runs now",
      [
        [0, "b", "rolled_back"],
        [0, "b", "updated"],
        [0, "b", "runs"],
      ],
      false,
    ],
    [
      "not, that an update got stuck with",
      [
        [0, "b", "runs"],
        [0, "b", "stuck"],
      ],
      false,
    ],
  ];
  for (const [sentence, happened, expected] of cases)
    it(sentence, () => {
      const found = proofOf("b", [ledgerOf("s1", happened)], { cooldownMs: 3 * DAY, now: T0 + 3 * DAY });
      assert.equal(isProved(found, 1), expected);
    });

  it("of which a roll-back on one host outweighs all others", () => {
    const good = ["s1", "s2", "s3"].map((host) => ledgerOf(host, [[0, "b", "runs"]]));
    const times = { cooldownMs: 0, now: T0 };
    assert.ok(isProved(proofOf("b", good, times), 3));
    assert.ok(!isProved(proofOf("b", good, times), 4));
    const all = [...good, ledgerOf("s4", [[0, "b", "rolled_back"]])];
    assert.deepEqual(proofOf("b", all, times).rolledBackOn, ["s4"]);
    assert.ok(!isProved(proofOf("b", all, times), 1));
  });
});

describe("a container that waits for other hosts", () => {
  const web = { ...PLAIN_FACTS, id: "1", name: "web", reference: "web:1", imageId: "sha256:0" };
  const ref = parseImageRef("web:1");
  assert.ok(ref !== undefined);
  const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
  const [old, newer, newest] = ["a", "b", "c"].map(digestOf) as [string, string, string];
  const entry = [old, newer, newest].reduce(
    (one, digest, n) => noteOnTag(one, digest, T0 + n * DAY),
    empty(),
  );
  const answerFor = (
    ledgers: readonly BelievedLedger[],
    {
      labels = {},
      after = ["s1", "s2"],
      needs = 2,
    }: { labels?: object; after?: string[]; needs?: number } = {},
  ) => {
    const facts = { ...web, labels: { ...labels } };
    return soakedCandidates({
      candidates: [{ facts, ref, digests: [old], isProven: true }],
      answers: new Map([[ref.familiar, { kind: "digest", digest: newest }]]),
      entryOf: () => entry,
      settings: { COOLDOWN: 0, COOLDOWN_AFTER: after, COOLDOWN_HOSTS: needs },
      believedOf: () => ledgers,
      now: T0 + 3 * DAY,
    }).soaked.get("web");
  };
  const both = (digest: string) => ["s1", "s2"].map((host) => ledgerOf(host, [[1, digest, "updated"]]));

  it("takes the newest that enough of them have proved", () => {
    assert.equal(answerFor(both(newest)), undefined);
    assert.deepEqual(answerFor(both(newer)), { kind: "older", digest: newer });
  });

  it("is left where too few have, and says so", () => {
    const answer = answerFor([ledgerOf("s1", [[1, newest, "updated"]])]);
    const because =
      "not proved elsewhere: sha256:cccccccccccc has lasted on 1 of the 2 hosts that are needed of s1, s2";
    assert.deepEqual(answer, { kind: "left", because });
  });

  it("is left where it was rolled back, and says where", () => {
    const answer = answerFor([...both(newest), ledgerOf("s3", [[1, newest, "rolled_back"]])], {
      after: ["*"],
    });
    const because = "not proved elsewhere: sha256:cccccccccccc was rolled back on s3";
    assert.deepEqual(answer, { kind: "left", because });
  });

  it("waits for nobody with a label that says 0", () =>
    assert.equal(answerFor([], { labels: { "com.ouroboros.cooldown": "0" } }), undefined));

  it("is not kept from what it runs by what it notes itself", () => {
    const found = observationsOf(
      {
        candidates: [{ facts: web, ref, digests: [old], isProven: true }],
        answers: new Map(),
        coversAll: true,
        unfinished: new Set(),
      },
      () => T0,
    );
    assert.deepEqual([...(found[0]?.running ?? [])], [[old, 1]]);
  });

  it("is told of nothing that runs only until its update is judged", () => {
    const backup = { ...web, id: "2", name: "web.ouroboros-old-01m8q3kde1-0123456789ab" };
    const service = { ...web, id: "3", name: "shop", service: { ...SERVICE } };
    for (const [all, isUpdating, counts] of [
      [[web], false, true],
      [[web], true, true],
      [[web, backup], false, false],
      [[service], false, true],
      [[service], true, false],
    ] as const) {
      const [facts] = all;
      const [found] = observationsOf(
        {
          candidates: [{ facts, ref, digests: [newest], isProven: true }],
          ...{ answers: new Map(), coversAll: true, unfinished: findUnfinished(all, isUpdating) },
        },
        () => T0,
      );
      assert.equal(found?.running !== undefined, counts, `${all.length} ${facts.name} ${isUpdating}`);
    }
  });
});

/** What the tag names for how long, and what becomes of it on a host that takes it at once. */
const stays = fc.array(
  fc.record({
    ms: fc.integer({ min: 1, max: 300 }),
    end: fc.constantFrom<UpdateResult | undefined>("updated", "updated", "rolled_back", "refused", undefined),
    after: fc.integer({ min: 0, max: 100 }),
  }),
  { minLength: 1, maxLength: 20 },
);
const story = fc.record({
  stays,
  steps: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 5, maxLength: 100 }),
  cooldownMs: fc.integer({ min: 0, max: 200 }),
});
type Story = typeof story extends fc.Arbitrary<infer S> ? S : never;

interface Taken {
  readonly now: number;
  readonly running: string;
  readonly taken: string | undefined;
  readonly waits: boolean;
  readonly entry: LedgerEntry;
  readonly others: BelievedLedger;
}

function* live({ stays: all, steps, cooldownMs }: Story, isEager: boolean): Generator<Taken> {
  const starts = all.map((_, n) => T0 + all.slice(0, n).reduce((sum, { ms }) => sum + ms, 0));
  let [now, running] = [T0, "d0"];
  let entry = noteOnTag(empty(), running, now);
  for (const step of steps) {
    now += step;
    const n = starts.findLastIndex((at) => at <= now);
    entry = noteRunning(noteOnTag(entry, `d${n}`, now), new Map([[running, 1]]), now);
    let other = empty();
    for (const [m, { end, after }] of all.entries()) {
      const at = (starts[m] ?? 0) + (isEager ? 0 : after);
      if (at <= now && (isEager || end !== undefined))
        other = noteEnd(other, `d${m}`, isEager ? "updated" : (end ?? "updated"), at);
    }
    const others = { host: "s1", entry: other };
    const proved = (digest: string) => isProved(proofOf(digest, [others], { cooldownMs, now }), 1);
    const choice =
      `d${n}` === running
        ? undefined
        : chooseSoaked({ entry, digest: `d${n}`, running: [running], cooldownMs, now, isProved: proved });
    const taken = choice?.kind === "take" ? choice.digest : undefined;
    yield { now, running, taken, waits: choice !== undefined && taken === undefined, entry, others };
    running = taken ?? running;
  }
}

describe("of any history and any other host", () => {
  it("nothing is taken before it is proved, and nothing that was rolled back there", () =>
    fc.assert(
      fc.property(story, (one) => {
        for (const { now, taken, others } of live(one, false)) {
          if (taken === undefined) continue;
          const use = others.entry.uses.find(({ digest }) => digest === taken);
          assert.ok(use !== undefined && Date.parse(use.since) <= now - one.cooldownMs, "not proved yet");
          assert.equal(use.ends.rolled_back, undefined);
          assert.ok((use.ends.updated ?? 0) > 0);
        }
      }),
      { numRuns: 300 },
    ));

  it("what is taken came after what runs", () =>
    fc.assert(
      fc.property(story, (one) => {
        for (const { taken, running } of live(one, false))
          if (taken !== undefined) assert.ok(Number(taken.slice(1)) > Number(running.slice(1)));
      }),
      { numRuns: 300 },
    ));

  it("a host that proves all at once starves nobody longer than the tag would", () =>
    fc.assert(
      fc.property(story, (one) => {
        for (const { waits, entry, running, now } of live(one, true)) {
          const next = entry.stays[entry.stays.findIndex(({ digest }) => digest === running) + 1];
          if (waits && next !== undefined && entry.stays.length < 40)
            assert.ok(now - Date.parse(next.from) < Math.max(2 * one.cooldownMs, 1), "it starves");
        }
      }),
      { numRuns: 300 },
    ));
});
