// What an event means for the notifier: pure.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { NoticeData } from "../../../shared/contract/hooks.ts";
import { EMPTY_MEMORY, type NotifierMemory, trimMemory } from "../../../services/notifier/memory.ts";
import { noteUpdateFinished } from "../../../services/notifier/note-event.ts";

const context = { id: "e", time: "2026-01-01T00:00:00Z", host: "h1", run: "01a", mode: "update" };
const ended = (
  end: NoticeData<"update_finished">["end"],
  mode = "update",
  memory = EMPTY_MEMORY,
  by = "board",
) =>
  noteUpdateFinished(
    memory,
    { ...context, mode },
    {
      ...{ name: "web", image: "a/web", end, because: "b".repeat(900), by },
      ...{
        from: `sha256:${"1".repeat(64)}`,
        to: null,
        from_digest: null,
        to_digest: `a/web@sha256:${"2".repeat(64)}`,
      },
      ...{ from_version: null, to_version: null, downtime_ms: null, ms: null, steps: [] },
    },
  );
const kinds = (...given: Parameters<typeof ended>): string[] =>
  ended(...given).notifications.map(({ kind }) => kind);

describe("an update that ended", () => {
  it("is told by how it ended, and not at all where nothing came of it", () => {
    for (const end of ["updated", "refused", "rolled_back", "failed", "stuck"] as const)
      assert.deepEqual(kinds(end), [end]);
    for (const end of ["current", "expired"] as const) assert.deepEqual(kinds(end), []);
    assert.deepEqual([kinds("noted", "monitor"), kinds("noted", "dry_run")], [["found"], []]);
  });

  it("is told as a rollback, and not counted, where the operator asked for one", () => {
    const { notifications, memory } = ended("updated", "update", EMPTY_MEMORY, "operator");
    assert.deepEqual(
      [notifications.map(({ kind }) => kind), memory.totals],
      [["rolled_back_by_operator"], {}],
    );
    assert.deepEqual(kinds("refused", "update", EMPTY_MEMORY, "operator"), ["refused"]);
  });

  it("is told when it was put off for the third time in a row, and again only after another end", () => {
    const told: string[][] = [];
    let memory: NotifierMemory = EMPTY_MEMORY;
    for (const end of ["deferred", "deferred", "deferred", "deferred", "updated", "deferred"] as const) {
      const noted = ended(end, "update", memory);
      memory = noted.memory;
      told.push(noted.notifications.map(({ kind }) => kind));
    }
    assert.deepEqual(told, [[], [], ["deferred"], [], ["updated"], []]);
    assert.deepEqual([memory.totals, memory.deferrals], [{ h1: 1 }, { "h1 web": 1 }]);
  });

  it("has short ids and a reason of bounded length", () => {
    const [notification] = ended("refused").notifications;
    assert.deepEqual(
      [notification?.from, notification?.to, notification?.because?.length],
      ["1".repeat(12), "2".repeat(12), 500],
    );
  });

  it("leaves a memory of bounded size", () => {
    const seen = Array.from({ length: 900 }, (_, n) => String(n));
    const totals = Object.fromEntries(seen.map((host) => [`h${host}`, 1]));
    const { seen: kept, totals: left } = trimMemory({ ...EMPTY_MEMORY, seen, totals });
    assert.deepEqual([kept.length, kept[0], Object.keys(left).length], [500, "400", 500]);
  });
});
