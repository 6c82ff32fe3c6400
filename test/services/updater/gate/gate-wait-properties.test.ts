// What holds for every wait, whoever says what and when.
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { decide } from "../../../../services/updater/gate/decision.ts";
import { hookNames, hooks } from "../../../../shared/contract/hooks.ts";
import { VerdictWord } from "../../../../shared/contract/messages.ts";
import type { AskedParticipant } from "../../../../shared/contract/participants.ts";
import { encodeToken } from "../../../../shared/contract/subject-tokens.ts";
import { type Happening, type PlayedWait, playWait } from "../../../support/gate-wait-player.ts";

const NAMES = ["a", "b", "c", "d", "e"];
const TICK_MS = 3000;

const word = fc.constantFrom(...VerdictWord.options);
const participant = fc.record({
  timeout_ms: fc.integer({ min: 1, max: 20_000 }),
  max_ms: fc.integer({ min: 1, max: 40_000 }),
  on_timeout: word,
});
const asked = fc
  .array(participant, { minLength: 1, maxLength: NAMES.length })
  .map((all): AskedParticipant[] => all.map((one, i) => ({ name: NAMES[i] ?? "", ...one })));

/** One of those who are asked says something, with or without a signal; says junk; or is still at work. */
const voice = fc.record({
  at: fc.integer({ min: 0, max: 45_000 }),
  voter: fc.constantFrom(...NAMES),
  what: fc.oneof(word, fc.constantFrom("junk" as const, "progress" as const)),
  isSignaled: fc.boolean(),
});
type Voice = typeof voice extends fc.Arbitrary<infer V> ? V : never;
const voices = fc.array(voice, { maxLength: 25 }).map((all) => all.toSorted((a, b) => a.at - b.at));

/** It is out of time in the millisecond in which its progress is heard. */
const progressAtTheEnd: [AskedParticipant[], Voice[], number] = [
  [
    { name: "a", timeout_ms: 14, max_ms: 15, on_timeout: "proceed" },
    { name: "b", timeout_ms: 1, max_ms: 1, on_timeout: "proceed" },
  ],
  [{ at: 14, voter: "a", what: "progress", isSignaled: false }],
  15,
];

function happeningsOf({ at, voter, what, isSignaled }: Voice): Happening[] {
  const token = encodeToken(voter);
  if (what === "progress") return [{ at, kind: "news", news: { kind: "progress", token } }];
  const message: Happening = {
    ...{ at, kind: "stored", voter },
    ...(what !== "junk" && { verdict: { verdict: what } }),
  };
  return [message, ...(isSignaled ? [{ at, kind: "news", news: { kind: "signal", token } } as const] : [])];
}
/** Whether it publishes the event for the first time changes nothing where all that is said comes after. */
const play = (question: Parameters<typeof playWait>[0], said: readonly Voice[]): PlayedWait =>
  playWait({ isNew: said.every(({ at }) => at > 0), ...question }, said.flatMap(happeningsOf));

/**
 * By the contract: when somebody who says nothing is out of time. Progress of the very millisecond in which the time is
 * over may come before that or after: `atEnd` says which.
 */
function deadlineOf(
  { name, timeout_ms, max_ms }: AskedParticipant,
  said: readonly Voice[],
  atEnd: "counts" | "is late",
): number {
  let deadline = Math.min(timeout_ms, max_ms);
  for (const { voter, what, at } of said) {
    const isInTime = at < deadline || (at === deadline && atEnd === "counts");
    if (voter === name && what === "progress" && isInTime) deadline = Math.min(at + timeout_ms, max_ms);
  }
  return deadline;
}
const isVerdict = ({ what }: Voice): boolean => VerdictWord.safeParse(what).success;
const firstVerdictOf = (name: string, said: readonly Voice[]): Voice | undefined =>
  said.find((one) => one.voter === name && isVerdict(one));

describe("every wait", () => {
  const refusable = hookNames.filter((hook) => hooks[hook].refusal !== null);

  it("is decided by the first verdict of each, or by its silence, and never before there is one or the other", () => {
    fc.assert(
      fc.property(fc.constantFrom(...hookNames), asked, voices, (hook, who, said) => {
        const { end } = play({ hook, asked: who }, said);
        const isRefused =
          hooks[hook].refusal !== null && end.received.some(({ verdict }) => verdict === "refuse");
        for (const one of who) {
          const received = end.received.find((verdict) => verdict.participant === one.name);
          if (received === undefined) assert.ok(isRefused, `${one.name} is missing`);
          else if (received.timed_out === true)
            assert.ok(end.at >= deadlineOf(one, said, "is late"), "out of time too soon");
          else {
            const first = firstVerdictOf(one.name, said);
            assert.equal(received.verdict, first?.what);
            assert.ok(first !== undefined && first.at <= end.at, "heard before it was said");
          }
        }
      }),
    );
  });

  it("is decided at the first refusal that counts, at once where it was signaled", () => {
    fc.assert(
      fc.property(fc.constantFrom(...refusable), asked, voices, (hook, who, said) => {
        const long = who.map((one) => ({ ...one, timeout_ms: 100_000, max_ms: 100_000 }));
        const { end } = play({ hook, asked: long }, said);
        const refusals = long
          .flatMap(({ name }) => firstVerdictOf(name, said) ?? [])
          .filter(({ what }) => what === "refuse");
        const signaled = refusals.filter(({ isSignaled }) => isSignaled).map(({ at }) => at);
        const any = refusals.map(({ at }) => at + 2 * TICK_MS); // a signal right before the tick begins it anew
        if (refusals.length === 0) return;
        assert.ok(end.at <= Math.min(...signaled, ...any), String(end.at));
        assert.equal(decide(hook, end.received, long).verdict, "refuse");
      }),
    );
  });

  it("ends, whatever progress is reported, when the time of each is over", () => {
    fc.assert(
      fc.property(asked, voices, fc.integer({ min: 1, max: 50_000 }), (who, said, atMost) => {
        const { end } = play({ asked: who, atMost }, said);
        const last = Math.max(...who.map((one) => Math.min(deadlineOf(one, said, "counts"), atMost)));
        assert.ok(end.at <= last, `${end.at} after ${last}`);
      }),
      { examples: [progressAtTheEnd] },
    );
  });

  it("reads each message of a subject at most once, in order, from the first on", () => {
    fc.assert(
      fc.property(asked, voices, (who, said) => {
        for (const sequences of Object.values(play({ asked: who }, said).read))
          assert.deepEqual(
            sequences,
            sequences.map((_, i) => i + 1),
          );
      }),
    );
  });

  it("is decided the same where verdicts come twice, others follow, and strangers speak", () => {
    fc.assert(
      fc.property(asked, voices, fc.array(word, { maxLength: 3 }), (who, said, more) => {
        const often = said.flatMap((one) => [
          one,
          ...(isVerdict(one) ? more.map((what) => ({ ...one, what })) : []),
          { ...one, voter: "stranger" },
        ]);
        assert.deepEqual(play({ asked: who }, often).end, play({ asked: who }, said).end);
      }),
    );
  });

  it("is decided the same in whatever order the verdicts come in time, also those of a group", () => {
    const group = fc.constantFrom(undefined, "ops");
    const entry = fc.record({ word, group, needs: fc.integer({ min: 1, max: 4 }), advisory: fc.boolean() });
    fc.assert(
      fc.property(
        fc.constantFrom(...hookNames),
        fc.array(entry, { minLength: 1, maxLength: NAMES.length }),
        fc.array(fc.nat(1000), { minLength: NAMES.length, maxLength: NAMES.length }),
        (hook, entries, times) => {
          const who = entries.map(({ group: of, needs, advisory }, i): AskedParticipant => {
            const voteOf = of === undefined ? {} : { group: of, needs };
            const base = {
              name: NAMES[i] ?? "",
              timeout_ms: 2000,
              max_ms: 2000,
              on_timeout: "defer",
            } as const;
            return { ...base, ...voteOf, ...(advisory && { advisory }) };
          });
          const decidedWith = (at: readonly number[]): string => {
            const said = entries.map(({ word: what }, i) => ({
              ...{ at: at[i] ?? 0, voter: NAMES[i] ?? "", what, isSignaled: true },
            }));
            const { received } = play(
              { hook, asked: who },
              said.toSorted((a, b) => a.at - b.at),
            ).end;
            return decide(hook, received, who).verdict;
          };
          assert.equal(decidedWith(times), decidedWith([]));
        },
      ),
    );
  });
});
