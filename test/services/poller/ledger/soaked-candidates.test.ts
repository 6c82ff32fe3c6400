// COOLDOWN together with TAG_POLICY: which tag is taken, in examples, and of random histories of a registry. What a poller does at
// each look is done here by its own pure parts.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fc from "fast-check";
import { withLowerTags } from "../../../../services/poller/plan/latest-only.ts";
import { observationsOf } from "../../../../services/poller/ledger/note-updates.ts";
import { emptyEntry, noteOnTag, noteRunning } from "../../../../services/poller/ledger/observe.ts";
import { soakedCandidates } from "../../../../services/poller/ledger/soaked-candidates.ts";
import type { RegistryAnswer } from "../../../../services/poller/plan/plan.ts";
import { followTag } from "../../../../services/poller/tags/follow-tags.ts";
import { tagsToKeep } from "../../../../services/poller/tags/seen-tags.ts";
import type { LedgerEntry, SeenTag } from "../../../../shared/contract/ledger.ts";
import { parseImageRef } from "../../../../shared/registry/image-ref.ts";
import { parseTagPolicy } from "../../../../shared/settings/tag-policy.ts";
import { PLAIN_FACTS } from "../../../support/plain-facts.ts";

const T0 = Date.UTC(2026, 0, 1);
const NAME = "ghcr.io/acme/shop";
const found = parseTagPolicy("semver:^1.0");
assert.ok(found !== undefined);
const policy = found;

/** What the registry has: tag → digest. */
type Registry = ReadonlyMap<string, string>;

interface Look {
  readonly now: number;
  readonly own: string;
  readonly running: string;
  /** What it takes now. */
  readonly tag: string | undefined;
  readonly digest: string | undefined;
  readonly because: string | undefined;
  readonly passedOver: readonly string[];
  /** The tags whose digests it asks for. */
  readonly asked: readonly string[];
  readonly highest: string;
}

const digestOf = (n: number): string => `sha256:${n.toString(16).padStart(64, "0")}`;
const minorOf = (tag: string): number => Number(tag.split(".")[1]);

/** A host with one container, which takes at once what it may. */
class Host {
  readonly #entries = new Map<string, LedgerEntry>();
  #seen: readonly SeenTag[] = [];
  own = "1.0.0";
  running = digestOf(0);
  readonly #cooldownMs: number;

  constructor(cooldownMs: number) {
    this.#cooldownMs = cooldownMs;
  }

  look(registry: Registry, now: number): Look {
    const { own, running } = this;
    const ref = parseImageRef(`${NAME}:${own}`);
    assert.ok(ref !== undefined);
    const facts = { ...PLAIN_FACTS, id: "1", name: "shop", reference: ref.familiar, imageId: running };
    const candidate = followTag({ facts, ref, digests: [running], isProven: true }, policy, {
      tags: [...registry.keys()],
      seen: this.#seen.map(({ tag }) => tag),
    });
    const asked = withLowerTags([candidate]).map((one) => one.ref);
    const answers = new Map(
      asked.flatMap(({ familiar, tag }) => {
        const digest = registry.get(tag);
        if (digest === undefined) return [];
        const answer: RegistryAnswer = { kind: "digest", digest };
        return [[familiar, answer] as const];
      }),
    );
    this.#note(
      observationsOf({ candidates: [candidate], answers, coversAll: true, unfinished: new Set() }, () => now),
      now,
    );
    const settings = { COOLDOWN: this.#cooldownMs, COOLDOWN_AFTER: [], COOLDOWN_HOSTS: 1 };
    const entryOf = (image: string): LedgerEntry => this.#entryOf(image);
    const after = soakedCandidates({
      ...{ candidates: [candidate], answers, now, settings, entryOf },
      believedOf: () => [],
    });
    const kept = tagsToKeep({ before: [candidate], after }, () => this.#seen, now).get(NAME);
    this.#seen = kept ?? this.#seen;
    const [chosen] = after.candidates;
    const tag = chosen?.ref.tag ?? own;
    const answer = after.soaked.get("shop");
    const digest = answer?.kind === "older" ? answer.digest : registry.get(tag);
    const isTaken = answer?.kind !== "left" && digest !== undefined && digest !== running;
    if (isTaken) [this.own, this.running] = [tag, digest];
    return {
      ...{ now, own, running, highest: candidate.ref.tag, asked: asked.map((one) => one.tag) },
      ...(isTaken ? { tag, digest } : { tag: undefined, digest: undefined }),
      because: answer?.kind === "left" ? answer.because : undefined,
      passedOver:
        chosen?.followed?.kind === "follows"
          ? chosen.followed.passedOver.map((passed) => `${passed.tag}: ${passed.because}`)
          : [],
    };
  }

  #entryOf(image: string): LedgerEntry {
    return this.#entries.get(image) ?? emptyEntry(image, "linux/amd64");
  }

  #note(observations: ReturnType<typeof observationsOf>, now: number): void {
    for (const { image, onTag, running } of observations) {
      const entry = this.#entryOf(image);
      const looked = onTag === undefined ? entry : noteOnTag(entry, onTag.digest, onTag.at);
      this.#entries.set(image, running === undefined ? looked : noteRunning(looked, running, now));
    }
  }
}

describe("with a tag policy and a cooldown", () => {
  const registryOf = (...minors: number[]): Registry =>
    new Map(minors.map((minor) => [`1.${minor}.0`, digestOf(minor)]));

  it("the highest tag that has had its time is taken while higher ones have not", () => {
    const host = new Host(100);
    const first = host.look(registryOf(0, 1), T0);
    const digest = digestOf(1).slice(0, 19);
    assert.equal(
      first.because,
      `cooling down: the tag 1.1.0 names ${digest} since ${new Date(T0).toISOString()}, ` +
        `and is taken not before ${new Date(T0 + 100).toISOString()}`,
    );
    assert.match(host.look(registryOf(0, 1, 2), T0 + 50).because ?? "", /the tag 1\.1\.0 .* not before/);
    const third = host.look(registryOf(0, 1, 2, 3), T0 + 120);
    assert.deepEqual([third.tag, third.passedOver], ["1.1.0", ["1.3.0: in its cooldown"]]);
    assert.equal(host.look(registryOf(0, 1, 2, 3), T0 + 160).tag, "1.2.0");
    assert.equal(host.look(registryOf(0, 1, 2, 3), T0 + 220).tag, "1.3.0");
    assert.equal(host.look(registryOf(0, 1, 2, 3), T0 + 400).because, undefined);
  });

  it("the own tag's newer image is taken meanwhile", () => {
    const host = new Host(100);
    const rebuilt = new Map([["1.0.0", digestOf(9)]]);
    host.look(rebuilt, T0);
    const both = new Map([...rebuilt, ["1.2.0", digestOf(2)]]);
    assert.equal(host.look(both, T0 + 60).tag, undefined);
    const { tag, digest, passedOver } = host.look(both, T0 + 100);
    assert.deepEqual([tag, digest, passedOver], ["1.0.0", digestOf(9), ["1.2.0: in its cooldown"]]);
    assert.equal(host.look(both, T0 + 160).tag, "1.2.0");
  });

  it("no tag is taken below one that names what runs", () => {
    const host = new Host(100);
    host.running = digestOf(1);
    host.look(registryOf(0, 1), T0);
    host.look(registryOf(0, 1, 2), T0 + 50);
    const { tag, because } = host.look(registryOf(0, 1, 2, 3), T0 + 120);
    assert.deepEqual([tag, /the tag 1\.2\.0/.test(because ?? "")], [undefined, true]);
  });

  it("a tag that the registry no longer has is not taken", () => {
    const host = new Host(100);
    host.look(registryOf(0, 1), T0);
    host.look(registryOf(0, 1, 2), T0 + 50);
    assert.equal(host.look(registryOf(0, 2), T0 + 120).tag, undefined);
    assert.equal(host.look(registryOf(0, 2), T0 + 150).tag, "1.2.0");
  });
});

type Change = "release" | "rebuild" | "withdraw";

interface Story {
  readonly changes: readonly { readonly after: number; readonly what: Change; readonly which: number }[];
  readonly steps: readonly number[];
  readonly cooldownMs: number;
}

const LONGEST_STEP = 30;

const stories = (...kinds: readonly Change[]): fc.Arbitrary<Story> =>
  fc.record({
    changes: fc.array(
      fc.record({
        after: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 150 })),
        what: fc.constantFrom(...kinds),
        which: fc.nat(30),
      }),
      { minLength: 1, maxLength: 40 },
    ),
    steps: fc.array(fc.integer({ min: 1, max: LONGEST_STEP }), { minLength: 5, maxLength: 80 }),
    cooldownMs: fc.integer({ min: 1, max: 250 }),
  });

function* live({ changes, steps, cooldownMs }: Story): Generator<Look & { readonly registry: Registry }> {
  const host = new Host(cooldownMs);
  const registry = new Map([["1.0.0", digestOf(0)]]);
  let [now, at, done] = [T0, T0, 0];
  for (const step of [0, ...steps]) {
    now += step;
    for (; done < changes.length && at + (changes[done]?.after ?? 0) <= now; done++) {
      const change = changes[done];
      if (change === undefined) break;
      at += change.after;
      const tags = [...registry.keys()];
      const one = tags[change.which % tags.length] ?? "";
      if (change.what === "release") registry.set(`1.${done + 1}.0`, digestOf(done + 1));
      else if (change.what === "rebuild") registry.set(one, digestOf(1000 + done));
      else if (one !== "1.0.0") registry.delete(one);
    }
    yield { ...host.look(registry, now), registry: new Map(registry) };
  }
}

/** More releases within the cooldown than are kept. */
const floods: fc.Arbitrary<Story> = fc.record({
  changes: fc.array(
    fc.record({
      after: fc.integer({ min: 1, max: 8 }),
      what: fc.constant<Change>("release"),
      which: fc.constant(0),
    }),
    { minLength: 30, maxLength: 60 },
  ),
  steps: fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 40, maxLength: 80 }),
  cooldownMs: fc.integer({ min: 60, max: 200 }),
});

describe("of any history of a registry a tag is taken", () => {
  const eventful = stories("release", "release", "rebuild", "withdraw");

  it("whose digest is never younger than the cooldown", () =>
    fc.assert(
      fc.property(eventful, (story) => {
        const since = new Map<string, number>();
        for (const { now, tag, digest, asked, registry } of live(story)) {
          for (const one of asked) {
            const key = `${one} ${registry.get(one) ?? ""}`;
            since.set(key, since.get(key) ?? now);
          }
          if (tag !== undefined)
            assert.ok(
              now - (since.get(`${tag} ${digest}`) ?? now) >= story.cooldownMs,
              `${tag} is too young`,
            );
        }
      }),
      { numRuns: 200 },
    ));

  it("that is never lower than the container's own", () =>
    fc.assert(
      fc.property(eventful, (story) => {
        for (const { own, tag, digest, running } of live(story))
          if (tag !== undefined)
            assert.ok(minorOf(tag) > minorOf(own) || (tag === own && digest !== running), `${own} to ${tag}`);
      }),
      { numRuns: 200 },
    ));

  it("that is the highest of all that were the highest a cooldown ago, however fast others follow", () =>
    fc.assert(
      fc.property(stories("release"), (story) => {
        const seen: { readonly tag: string; readonly at: number }[] = [];
        for (const { now, own, tag, highest } of live(story)) {
          if (seen.at(-1)?.tag !== highest) seen.push({ tag: highest, at: now });
          const expected = seen.findLast(({ at }) => now - at >= story.cooldownMs)?.tag ?? own;
          const waiting = seen.filter(({ tag: one }) => minorOf(one) > minorOf(own)).length;
          if (waiting > 9) return; // not all of them are kept: see below
          assert.equal(tag ?? own, minorOf(expected) > minorOf(own) ? expected : own);
        }
      }),
      { numRuns: 200 },
    ));

  it("within twice the cooldown also where more wait than are kept, which are few", () => {
    let crowded = 0;
    fc.assert(
      fc.property(floods, (story) => {
        const seen: { readonly tag: string; readonly at: number }[] = [];
        for (const { now, own, tag, highest, asked } of live(story)) {
          assert.ok(asked.length <= 11, asked.join()); // its own, too
          if (seen.at(-1)?.tag !== highest) seen.push({ tag: highest, at: now });
          const waiting = seen.filter(({ tag: one }) => minorOf(one) > minorOf(own));
          if (waiting.length > 9) crowded++;
          const [first] = waiting;
          if (first !== undefined && now - first.at >= 2 * story.cooldownMs)
            assert.notEqual(tag, undefined, `${first.tag} starves`);
        }
      }),
      { numRuns: 15 },
    );
    assert.ok(crowded > 100, `only ${crowded} looks with that many`);
  });
});
