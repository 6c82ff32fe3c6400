// COOLDOWN: which digest of a tag is taken. A table of histories, and the rules of services/poller/ledger/soak.ts on random ones.
import assert from "node:assert/strict";
import fc from "fast-check";
import { emptyEntry, noteOnTag, noteRunning } from "../../../../services/poller/ledger/observe.ts";
import { chooseSoaked } from "../../../../services/poller/ledger/soak.ts";
import type { LedgerEntry } from "../../../../shared/contract/ledger.ts";

const DAY = 86_400_000;
/** When the ledger begins. */
const T0 = Date.UTC(2026, 0, 1);

/** The tag names a digest from that day on; it is looked at on each tenth of a day until `until`. */
function history(moves: readonly (readonly [day: number, digest: string])[], until: number): LedgerEntry {
  let entry = emptyEntry("web:1", "linux/amd64");
  for (let tenth = 0; tenth <= until * 10; tenth++) {
    const named = moves.findLast(([day]) => day * 10 <= tenth);
    if (named !== undefined) entry = noteOnTag(entry, named[1], T0 + (tenth / 10) * DAY);
  }
  return entry;
}

describe("with a cooldown of three days", () => {
  const cases: readonly [string, readonly (readonly [number, string])[], string[], number, string][] = [
    [
      "a digest is waited for that the ledger does not know for so long",
      [[0, "b"]],
      ["a"],
      1,
      "wait until 3",
    ],
    ["it is taken then", [[0, "b"]], ["a"], 3, "take b"],
    [
      "one that stayed is taken although the tag has moved on",
      [
        [0, "a"],
        [1, "b"],
        [5, "c"],
      ],
      ["a"],
      6,
      "take b",
    ],
    [
      "the newest of those that stayed is taken",
      [
        [0, "a"],
        [1, "b"],
        [5, "c"],
        [9, "d"],
      ],
      ["a"],
      10,
      "take c",
    ],
    [
      "one that was replaced at once is passed over",
      [
        [0, "a"],
        [1, "b"],
        [1.5, "c"],
      ],
      ["a"],
      4.6,
      "take c",
    ],
    [
      "a tag that moves each day starves nobody",
      [[0, "a"], ...Array.from({ length: 9 }, (_, n) => [n + 1, `d${n + 1}`] as const)],
      ["a"],
      7,
      "take d4",
    ],
    [
      "until when is told also where the tag moves each day",
      [[0, "a"], ...Array.from({ length: 9 }, (_, n) => [n + 1, `d${n + 1}`] as const)],
      ["a"],
      6.5,
      "wait until 7",
    ],
    [
      "one that the tag has gone back from is not taken",
      [
        [0, "a"],
        [1, "bad"],
        [5, "a"],
        [6, "c"],
      ],
      ["a"],
      8,
      "wait until 9",
    ],
    [
      "what the tag has gone back to is taken",
      [
        [0, "a"],
        [4, "b"],
        [9, "a"],
      ],
      ["b"],
      9,
      "take a",
    ],
    [
      "an older one than the one that runs is not taken",
      [
        [0, "a"],
        [5, "b"],
        [6, "c"],
      ],
      ["b"],
      7,
      "wait until 9",
    ],
    [
      "nothing but what the tag names is newer than an image that was never seen on it",
      [
        [0, "a"],
        [5, "b"],
      ],
      ["stranger"],
      6,
      "wait until 8",
    ],
  ];
  for (const [sentence, moves, running, day, expected] of cases)
    it(sentence, () => {
      const now = T0 + day * DAY;
      const entry = history(moves, day);
      const digest = entry.stays.at(-1)?.digest ?? "";
      const choice = chooseSoaked({ entry, digest, running, cooldownMs: 3 * DAY, now });
      const told =
        choice.kind === "take"
          ? `take ${choice.digest}`
          : choice.kind === "wait"
            ? `wait until ${Math.round(((choice.until - T0) / DAY) * 10) / 10}`
            : "unproved";
      assert.equal(told, expected);
    });

  it("what came to the tag since is newer than an image that was never seen on it", () => {
    const running = new Map([["stranger", 1]]);
    const before = noteRunning(history([[0, "a"]], 1), running, T0 + 1 * DAY);
    let entry = before;
    for (const [day, digest] of [
      [2, "b"],
      [6, "b"],
      [6.5, "c"],
    ] as const)
      entry = noteOnTag(entry, digest, T0 + day * DAY);
    const facts = { entry, digest: "c", running: ["stranger"], cooldownMs: 3 * DAY, now: T0 + 6.5 * DAY };
    assert.deepEqual(chooseSoaked(facts), { kind: "take", digest: "b", seenAt: T0 + 2 * DAY });
  });
});

/** A poller that looks, takes what it may, and runs it. */
interface Life {
  readonly entry: LedgerEntry;
  readonly running: string;
  readonly now: number;
  readonly taken: string | undefined;
}

interface Story {
  /** How long the tag names each digest; the digest is the number of the stay, or an earlier one's. */
  readonly stays: readonly { readonly ms: number; readonly back: number }[];
  readonly steps: readonly number[];
  readonly cooldownMs: number;
}

/** Milliseconds; of each length that matters: far below the cooldown, about it, far above. */
const someTime = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 50, max: 400 }));

const stories = (goesBack: boolean): fc.Arbitrary<Story> =>
  fc.record({
    stays: fc.array(
      fc.record({ ms: someTime, back: goesBack ? fc.integer({ min: 0, max: 3 }) : fc.constant(0) }),
      { minLength: 1, maxLength: 25 },
    ),
    steps: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 5, maxLength: 120 }),
    cooldownMs: fc.integer({ min: 1, max: 200 }),
  });

const digestsOf = ({ stays }: Story): string[] => stays.map(({ back }, n) => `d${Math.max(n - back, 0)}`);

function tagAt(story: Story, now: number): string {
  const digests = digestsOf(story);
  let until = T0;
  const n = story.stays.findIndex(({ ms }) => (until += ms) > now);
  return digests[n < 0 ? digests.length - 1 : n] ?? "";
}

function* live(story: Story): Generator<Life> {
  let now = T0;
  let running = tagAt(story, now);
  let entry = noteOnTag(emptyEntry("web:1", "linux/amd64"), running, now);
  for (const step of story.steps) {
    now += step;
    const digest = tagAt(story, now);
    entry = noteRunning(noteOnTag(entry, digest, now), new Map([[running, 1]]), now);
    const { cooldownMs } = story;
    const choice =
      digest === running ? undefined : chooseSoaked({ entry, digest, running: [running], cooldownMs, now });
    const taken = choice?.kind === "take" ? choice.digest : undefined;
    if (choice?.kind === "wait") assert.ok(choice.until > now && choice.until <= now + 2 * cooldownMs);
    yield { entry, running, now, taken };
    running = taken ?? running;
  }
}

const firstSeen = ({ stays }: LedgerEntry, digest: string | undefined): number =>
  Date.parse(stays.find((stay) => stay.digest === digest)?.from ?? "");

describe("of any history a digest is taken", () => {
  it("that is never younger than the cooldown", () =>
    fc.assert(
      fc.property(stories(true), (story) => {
        for (const { entry, now, taken } of live(story))
          if (taken !== undefined) assert.ok(now - firstSeen(entry, taken) >= story.cooldownMs);
      }),
      { numRuns: 500 },
    ));

  it("that came after the one that runs, unless the tag has gone back", () =>
    fc.assert(
      fc.property(stories(false), (story) => {
        for (const { entry, running, taken } of live(story))
          if (taken !== undefined) assert.ok(firstSeen(entry, taken) > firstSeen(entry, running));
      }),
      { numRuns: 500 },
    ));

  it("within twice the cooldown, however often the tag moves", () =>
    fc.assert(
      fc.property(stories(false), (story) => {
        for (const { entry, running, now, taken } of live(story)) {
          const next = entry.stays[entry.stays.findIndex(({ digest }) => digest === running) + 1];
          if (next === undefined || taken !== undefined || entry.stays.length >= 40) continue;
          assert.ok(now - Date.parse(next.from) < 2 * story.cooldownMs, "it starves");
        }
      }),
      { numRuns: 500 },
    ));

  it("that the tag has not gone back from", () =>
    fc.assert(
      fc.property(stories(true), (story) => {
        for (const { entry, taken } of live(story)) {
          if (taken === undefined) continue;
          const last = entry.stays.findLastIndex(({ digest }) => digest === taken);
          const before = new Set(
            entry.stays
              .slice(
                0,
                entry.stays.findIndex(({ digest }) => digest === taken),
              )
              .map(({ digest }) => digest),
          );
          assert.ok(!entry.stays.slice(last).some(({ digest }) => before.has(digest)));
        }
      }),
      { numRuns: 500 },
    ));
});
