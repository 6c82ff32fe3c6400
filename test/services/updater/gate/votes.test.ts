import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { ConcernedContainers } from "../../../../services/updater/gate/concerned-containers.ts";
import { type ReceivedVerdict, decide } from "../../../../services/updater/gate/decision.ts";
import { isWaitDecided } from "../../../../services/updater/gate/wait-verdicts.ts";
import { hookNames } from "../../../../shared/contract/hooks.ts";
import type { Verdict } from "../../../../shared/contract/messages.ts";
import {
  type AskedParticipant,
  Participant,
  matchesContainer,
  matchesPattern,
} from "../../../../shared/contract/participants.ts";
import { exampleEvent } from "../../../docs/example-event.ts";

const member = (name: string, more: Partial<AskedParticipant> = {}): AskedParticipant => ({
  ...{ name, timeout_ms: 1000, max_ms: 3000, on_timeout: "defer" as const },
  ...more,
});
const says = (participant: string, full: Verdict | Verdict["verdict"]): ReceivedVerdict => {
  const said = typeof full === "string" ? { verdict: full } : full;
  return { participant, verdict: said.verdict, ms: 1, full: said };
};

describe("a group of which so many have to say proceed", () => {
  const two = { group: "ops", needs: 2 };
  const three = [member("a", two), member("b", two), member("c", two)];
  const cases: [sentence: string, words: Verdict["verdict"][], decided: boolean, verdict: string][] = [
    ["waits after one of three", ["proceed"], false, "defer"],
    ["proceeds with the second of three", ["proceed", "proceed"], true, "proceed"],
    ["waits after one refusal, which two others can outvote", ["refuse"], false, "defer"],
    ["proceeds although one refused", ["refuse", "proceed", "proceed"], true, "proceed"],
    ["refuses with the second refusal: two are not left", ["refuse", "refuse"], true, "refuse"],
    ["defers where too few are left and nobody refused", ["defer", "defer", "proceed"], true, "defer"],
    ["waits while a refusal could still become two", ["defer", "refuse"], false, "defer"],
    ["defers where one refused and one put off", ["defer", "refuse", "proceed"], true, "defer"],
  ];
  for (const [sentence, words, decided, verdict] of cases)
    it(sentence, () => {
      const heard = words.map((word, i) => says(["a", "b", "c"][i] ?? "", word));
      assert.equal(decide("before_update", heard, three).verdict, verdict);
      assert.equal(isDecided(three, heard), decided);
    });

  it("needs all where no number is given", () => {
    const all = [member("a", { group: "ops" }), member("b", { group: "ops" })];
    assert.equal(decide("before_update", [says("a", "proceed"), says("b", "refuse")], all).verdict, "refuse");
    assert.equal(isDecided(all, [says("a", "proceed")]), false);
  });

  it("defers where there are fewer members than it needs", () => {
    const alone = [member("a", two)];
    const decision = decide("before_update", [says("a", "proceed")], alone);
    assert.equal(decision.verdict, "defer");
    assert.equal(decision.by, "group ops");
    assert.match(decision.reason ?? "", /^1 of the 2 that are needed of 1 say proceed/);
  });

  it("tells who was against and why", () => {
    const heard = [
      says("a", { verdict: "refuse", reason: "friday" }),
      says("b", { verdict: "refuse", reason: "no" }),
    ];
    assert.match(decide("before_update", heard, three).reason ?? "", /a: friday; b: no$/);
  });

  it("does not outvote who is not in it", () => {
    const asked = [...three, member("d")];
    const heard = [says("a", "proceed"), says("b", "proceed"), says("d", "refuse")];
    assert.equal(decide("before_update", heard, asked).verdict, "refuse");
    assert.equal(isDecided(asked, heard.slice(0, 2)), false);
  });

  it("counts for each container that one of it names", () => {
    const web = (verdict: Verdict["verdict"]): Verdict => ({
      verdict: "proceed",
      containers: { web: { verdict } },
    });
    const heard = [says("a", web("refuse")), says("b", web("refuse")), says("c", "proceed")];
    const decision = decide("updates_enumerated", heard, three);
    assert.equal(decision.verdict, "proceed");
    assert.equal(decision.containers?.["web"]?.verdict, "refuse");
    assert.equal(isDecided(three, heard.slice(0, 2), "updates_enumerated"), false);
  });
});

describe("an advisory participant", () => {
  const asked = [member("a", { advisory: true }), member("b")];

  it("is waited for and recorded, and decides nothing", () => {
    const heard = [says("a", "refuse"), says("b", "proceed")];
    const decision = decide("before_update", heard, asked);
    assert.equal(decision.verdict, "proceed");
    assert.equal(decision.verdicts.length, 2);
    assert.equal(isDecided(asked, [says("a", "refuse")]), false);
    assert.equal(isDecided(asked, [says("b", "proceed")]), false);
    assert.equal(isDecided(asked, heard), true);
  });
});

describe("a participant that chose containers", () => {
  it("speaks of a plan for those only", () => {
    const asked = [member("a", { only: ["web"] }), member("b")];
    const heard = [says("a", { verdict: "refuse", reason: "no" }), says("b", "proceed")];
    const decision = decide("updates_enumerated", heard, asked);
    assert.equal(decision.verdict, "proceed");
    assert.deepEqual(decision.containers, { web: { verdict: "refuse", reason: "no", by: "a" } });
    assert.equal(isDecided(asked, heard.slice(0, 1), "updates_enumerated"), false);
  });

  it("cannot name others", () => {
    const asked = [member("a", { only: ["web"] })];
    const heard = [says("a", { verdict: "proceed", containers: { db: { verdict: "refuse" } } })];
    assert.deepEqual(Object.keys(decide("updates_enumerated", heard, asked).containers ?? {}), ["web"]);
  });

  const choices: [Partial<Participant>, boolean][] = [
    [{}, true],
    [{ containers: ["web*"] }, true],
    [{ containers: ["db", "web-?"] }, true],
    [{ containers: ["db"] }, false],
    [{ labels: ["tier"] }, true],
    [{ labels: ["tier=front"] }, true],
    [{ labels: ["tier=back"] }, false],
    [{ labels: ["tie"] }, false],
    [{ labels: ["toString"] }, false],
    [{ labels: ["url=a=b"] }, true],
    [{ containers: ["web*"], labels: ["tier=back"] }, false],
  ];
  for (const [choice, wanted] of choices)
    it(`${JSON.stringify(choice)} is ${wanted ? "" : "not "}about web-1 with its labels`, () => {
      const participant = Participant.parse({ hooks: ["before_update"], ...choice });
      assert.equal(
        matchesContainer(participant, { name: "web-1", labels: { tier: "front", url: "a=b" } }),
        wanted,
      );
    });

  const patterns: [pattern: string, text: string, wanted: boolean][] = [
    ["*", "", true],
    ["a*b*c", "a-b-b-c", true],
    ["a*b*c", "a-b-b-cd", false],
    ["?", "", false],
    ["web.*", "webx1", false],
    ["w**b", "web", true],
    [`${"*a".repeat(60)}b`, "a".repeat(250), false],
  ];
  for (const [pattern, text, wanted] of patterns)
    it(`${pattern.slice(0, 20)} ${wanted ? "matches" : "does not match"} ${text.slice(0, 20) || "nothing"}`, () => {
      const began = performance.now();
      assert.equal(matchesPattern(pattern, text), wanted);
      assert.ok(performance.now() - began < 5000);
    });
});

describe("what an event is about", () => {
  for (const hook of hookNames.filter((name) => !name.includes("_self_") || name === "before_self_cleanup"))
    it(`${hook}: its container, by name and labels`, () => {
      const { data, subject } = exampleEvent(hook);
      const abouts = new ConcernedContainers();
      abouts.find("updates_enumerated", null, exampleEvent("updates_enumerated").data);
      const [one] = abouts.find(hook, subject || null, data);
      assert.deepEqual([one?.name, one?.labels], ["web", { "com.ouroboros.enable": "true" }]);
    });
});

function isDecided(
  asked: readonly AskedParticipant[],
  heard: readonly ReceivedVerdict[],
  hook: "before_update" | "updates_enumerated" = "before_update",
): boolean {
  const received = new Map(heard.map((verdict) => [verdict.participant, verdict]));
  const question = {
    event: "e",
    hook,
    asked,
    isNew: false,
    own: "exec",
    isOwnOff: false,
    elapsed: 0,
    atMost: Infinity,
  };
  return isWaitDecided({ question, startedAt: 0, received, progress: new Map() });
}
