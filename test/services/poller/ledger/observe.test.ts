import assert from "node:assert/strict";
import {
  emptyEntry,
  joinEntries,
  noteEnd,
  noteOnTag,
  noteRunning,
} from "../../../../services/poller/ledger/observe.ts";
import { LedgerEntry } from "../../../../shared/contract/ledger.ts";

const EMPTY = emptyEntry("web:1", "linux/amd64");
const T0 = Date.UTC(2026, 0, 1);
/** An hour of the first day, as a ledger writes it. */
const hour = (n: number): string => new Date(T0 + n * 3_600_000).toISOString();

const seen = (...looks: readonly (readonly [hours: number, digest: string])[]): LedgerEntry =>
  looks.reduce((entry, [hours, digest]) => noteOnTag(entry, digest, T0 + hours * 3_600_000), EMPTY);

describe("a ledger's entry", () => {
  it("says from when to when the tag has named each digest", () => {
    assert.deepEqual(seen([0, "a"], [1, "a"], [2, "b"], [3, "a"]).stays, [
      { digest: "a", from: hour(0), to: hour(1) },
      { digest: "b", from: hour(2), to: hour(2) },
      { digest: "a", from: hour(3), to: hour(3) },
    ]);
  });

  it("goes on where its last observation was, when the clock is set back", () => {
    assert.deepEqual(seen([5, "a"], [2, "b"], [6, "b"]).stays, [
      { digest: "a", from: hour(5), to: hour(5) },
      { digest: "b", from: hour(5), to: hour(6) },
    ]);
  });

  it("is bounded: its oldest stays go, and uses of what runs no more", () => {
    let entry = noteRunning(EMPTY, new Map([["d0", 1]]), T0);
    for (let n = 0; n < 100; n++) {
      const digest = `sha256:${String(n).padStart(64, "0")}`;
      entry = noteEnd(noteOnTag(entry, digest, T0 + n), digest, "rolled_back", T0 + n);
    }
    assert.equal(entry.stays.length, 40);
    assert.equal(entry.uses.length, 40);
    assert.ok(entry.uses.some(({ digest }) => digest === "d0"));
    assert.ok(JSON.stringify(entry).length < 16_000);
    assert.deepEqual(LedgerEntry.parse(JSON.parse(JSON.stringify(entry))), entry);
  });

  it("counts what runs and how updates ended", () => {
    const ran = noteRunning(
      noteEnd(noteEnd(EMPTY, "b", "rolled_back", T0), "b", "updated", T0),
      new Map([["b", 2]]),
      T0 + 1,
    );
    assert.deepEqual(ran.uses, [
      { digest: "b", since: hour(0), containers: 2, ends: { rolled_back: 1, updated: 1 } },
    ]);
    assert.equal(noteRunning(ran, new Map(), T0 + 2).uses[0]?.containers, 0);
  });

  it("is joined with another of the same image, as one history", () => {
    const earlier = noteEnd(seen([0, "a"], [1, "b"], [2, "b"]), "b", "failed", T0);
    const later = noteEnd(seen([4, "b"], [5, "c"]), "b", "updated", T0);
    const joined = joinEntries(earlier, later);
    assert.deepEqual(joined.stays, [
      { digest: "a", from: hour(0), to: hour(0) },
      { digest: "b", from: hour(1), to: hour(4) },
      { digest: "c", from: hour(5), to: hour(5) },
    ]);
    assert.deepEqual(joined.uses[0]?.ends, { failed: 1, updated: 1 });
    assert.deepEqual(joinEntries(EMPTY, later), later);
    const running = noteRunning(earlier, new Map([["b", 2]]), T0);
    assert.deepEqual(joinEntries(running, EMPTY), running);
  });
});
