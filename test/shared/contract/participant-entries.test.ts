import assert from "node:assert/strict";
import {
  type UnreadableEntry,
  mayConcern,
  readParticipant,
  verdictOfSilence,
} from "../../../shared/contract/participants.ts";

const H = "home";

/** What a stored entry may concern: hooks of the host `home` of which something must be put off. */
const cases: readonly [string, string, RegExp, Pick<UnreadableEntry, "hooks" | "hosts">][] = [
  ["no JSON may concern anything", "{", /^it is no JSON$/, { hooks: "any", hosts: "any" }],
  [
    "a server's answer may concern anything",
    '{"stream":"X","seq":1}',
    /^hooks: /,
    { hooks: "any", hosts: "any" },
  ],
  ["an array may concern anything", "[]", /expected object/, { hooks: "any", hosts: "any" }],
  [
    "a newer hook may stand before anything, on its hosts",
    '{"hooks":["before_update","before_teleport"],"hosts":["home"]}',
    /does not know: before_teleport$/,
    { hooks: "any", hosts: ["home"] },
  ],
  [
    "a wrong time concerns its own hooks and hosts",
    '{"hooks":["before_update"],"hosts":["else"],"timeout_ms":"10m"}',
    /^timeout_ms: /,
    { hooks: ["before_update"], hosts: ["else"] },
  ],
  [
    "hosts that are no list are all",
    '{"hooks":["before_update"],"hosts":"home"}',
    /^hosts: /,
    { hooks: ["before_update"], hosts: "any" },
  ],
  ["no hooks may be any", '{"hooks":[]}', /^hooks: /, { hooks: "any", hosts: "any" }],
  ["hooks that are no names may be any", '{"hooks":[1]}', /^hooks: /, { hooks: "any", hosts: "any" }],
];

describe("a participant's entry that cannot be understood", () => {
  for (const [sentence, text, because, concerns] of cases)
    it(sentence, () => {
      const read = readParticipant(text) as UnreadableEntry;
      assert.match(read.because, because);
      assert.ok(read.because.length <= 200);
      assert.deepEqual({ hooks: read.hooks, hosts: read.hosts }, concerns);
      const here = concerns.hosts === "any" || concerns.hosts.includes(H);
      const says = (hook: Parameters<typeof mayConcern>[1]): boolean => mayConcern(read, hook, H);
      assert.deepEqual(
        [says("updates_enumerated"), says("before_update"), says("after_update")],
        [here, here, here && concerns.hooks === "any"],
      );
    });

  it("is none where it can be", () => {
    for (const more of ['"unknown_yet":1', '"hears":["teleported"]', '"hears":1'])
      assert.ok(!("because" in readParticipant(`{"hooks":["before_update"],${more}}`)), more);
  });
});

describe("the silence of a participant", () => {
  it("counts as it was added, and as proceed where the update is made already", () => {
    const asked = { on_timeout: "refuse" } as const;
    assert.equal(verdictOfSilence("before_update", asked), "refuse");
    assert.equal(verdictOfSilence("after_update", asked), "proceed");
  });
});
