import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type ParticipantChange,
  applyChange,
  mergeFilters,
} from "../../../cli/commands/participant-change.ts";
import type { Participant } from "../../../shared/contract/participants.ts";

const before: Participant = {
  ...{ hooks: ["before_update"], hosts: ["*"], timeout_ms: 1000, max_ms: 2000, on_timeout: "defer" },
  ...{ containers: ["web"], group: "g", needs: 2 },
};
const without = (...names: readonly (keyof Participant)[]): object =>
  Object.fromEntries(Object.entries(before).filter(([name]) => !names.includes(name as keyof Participant)));

const changes: readonly [string, ParticipantChange, object][] = [
  ["nothing where nothing is named", {}, before],
  [
    "what is named",
    { hosts: ["h1"], timeout: 5, "on-timeout": "refuse" },
    { ...before, hosts: ["h1"], timeout_ms: 5, on_timeout: "refuse" },
  ],
  ["a choice that is taken away", { containers: null }, without("containers")],
  ["what a group needs, with the group", { group: null }, without("group", "needs")],
  ["advice that is advice no more", { advisory: false }, before],
  ["advice", { advisory: true, group: null }, { ...without("group", "needs"), advisory: true }],
];

describe("an entry changes in", () => {
  for (const [what, change, expected] of changes)
    it(what, () => assert.deepEqual(applyChange(before, change), expected));
});

const filters: readonly [string, readonly string[], readonly string[], readonly string[]][] = [
  ["both", ["h.a.x.>"], ["h.b.x.>"], ["h.a.x.>", "h.b.x.>"]],
  ["each once", ["h.a.x.>"], ["h.a.x.>"], ["h.a.x.>"]],
  ["all hosts in place of one", ["h.a.x.>"], ["h.*.x.>", "h.*.y.>"], ["h.*.x.>", "h.*.y.>"]],
  ["all hosts as before", ["h.*.x.>"], ["h.a.x.>"], ["h.*.x.>"]],
];

describe("a consumer hears on the way to other filters", () => {
  for (const [what, heard, wanted, expected] of filters)
    it(what, () => assert.deepEqual(mergeFilters(heard, wanted), expected));
});
