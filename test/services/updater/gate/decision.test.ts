import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  type ReceivedVerdict,
  decide,
  makeTimeoutVerdict,
} from "../../../../services/updater/gate/decision.ts";
import { hookNames, hooks } from "../../../../shared/contract/hooks.ts";
import type { Verdict } from "../../../../shared/contract/messages.ts";

const says = (participant: string, full: Verdict): ReceivedVerdict => ({
  participant,
  verdict: full.verdict,
  ms: 1,
  full,
});
const proceed = says("a", { verdict: "proceed" });
const defer = says("b", { verdict: "defer", reason: "busy", retry_after_s: 60 });
const refuse = says("c", { verdict: "refuse", reason: "no" });
const operator = (verdict: Verdict["verdict"]): ReceivedVerdict =>
  says("operator", { verdict, reason: "I know" });

describe("deciding from verdicts", () => {
  const cases: [string, ReceivedVerdict[], string, string | undefined][] = [
    ["nobody to ask proceeds", [], "proceed", undefined],
    ["all proceed", [proceed, says("d", { verdict: "proceed" })], "proceed", undefined],
    ["a defer wins over proceed", [proceed, defer], "defer", "b"],
    ["a refuse wins over a defer, whoever comes first", [refuse, defer, proceed], "refuse", "c"],
    ["a refuse wins over a defer, whoever comes last", [proceed, defer, refuse], "refuse", "c"],
    [
      "the operator's proceed wins over a refuse",
      [refuse, defer, operator("proceed")],
      "proceed",
      "operator",
    ],
    ["the operator's defer wins over a refuse", [refuse, operator("defer")], "defer", "operator"],
    ["the operator's refuse wins over proceed", [proceed, operator("refuse")], "refuse", "operator"],
  ];
  for (const [sentence, heard, verdict, by] of cases) {
    it(sentence, () => {
      const decision = decide("before_update", heard);
      assert.deepEqual([decision.verdict, decision.by], [verdict, by]);
      assert.equal(decision.verdicts.length, heard.length);
    });
  }

  it("keeps how long a defer asks to wait", () => {
    assert.equal(decide("before_update", [defer]).retry_after_s, 60);
  });

  for (const hook of hookNames) {
    const { refusal } = hooks[hook];
    it(`${hook}: a refusal ${refusal === null ? "is only told" : "counts"}`, () => {
      const { verdict, reason } = decide(hook, [refuse]);
      assert.equal(verdict, refusal === null ? "proceed" : "refuse");
      assert.match(reason ?? "", /no/);
    });
  }

  it("takes the heaviest verdict for each container that was named", () => {
    const one = says("a", {
      verdict: "proceed",
      containers: { web: { verdict: "defer" }, db: { verdict: "proceed" } },
    });
    const two = says("b", { verdict: "proceed", containers: { web: { verdict: "refuse", reason: "no" } } });
    assert.deepEqual(decide("updates_enumerated", [one, two]).containers, {
      web: { verdict: "refuse", reason: "no", by: "b" },
      db: { verdict: "proceed", by: "a" },
    });
  });

  for (const name of ["constructor", "toString", "valueOf", "hasOwnProperty"])
    it(`takes a refusal for a container named ${name}`, () => {
      const one = says("a", { verdict: "proceed", containers: { [name]: { verdict: "refuse" } } });
      const two = says("b", { verdict: "proceed", containers: { web: { verdict: "defer" } } });
      const asked = (participant: string) => ({
        ...{ name: participant, timeout_ms: 1, max_ms: 1, on_timeout: "refuse" as const },
        ...{ group: "ops", only: [name, "web"] },
      });
      const alone = decide("updates_enumerated", [one, two]);
      assert.deepEqual(alone.containers?.[name], { verdict: "refuse", by: "a" });
      const grouped = decide("updates_enumerated", [one, two], [asked("a"), asked("b")]);
      assert.equal(grouped.containers?.[name]?.verdict, "refuse");
    });

  it("fits into a record of the journal, however many say how much", () => {
    const containers = Object.fromEntries(
      Array.from({ length: 300 }, (_, n) => [
        `c${n}`,
        { verdict: "refuse" as const, reason: "é".repeat(12_000) },
      ]),
    );
    const heard = Array.from({ length: 200 }, (_, n) =>
      says(`p${n}`, { verdict: "refuse", reason: "é".repeat(12_000), containers }),
    ).map((one) => ({ ...one, reason: one.full.reason ?? "" }));
    assert.ok(Buffer.byteLength(JSON.stringify(decide("updates_enumerated", heard))) < 200 * 1024);
  });

  it("takes the operator's word for containers too, and nobody else's", () => {
    const named = says("a", { verdict: "proceed", containers: { web: { verdict: "refuse" } } });
    assert.equal(decide("updates_enumerated", [named, operator("proceed")]).containers, undefined);
  });

  it("out of time counts as the participant's entry says, and as proceed after the fact", () => {
    const asked = { name: "a", timeout_ms: 1, max_ms: 1, on_timeout: "refuse" } as const;
    const time = { ms: 5, isOff: false };
    assert.equal(makeTimeoutVerdict("before_update", asked, time).verdict, "refuse");
    assert.equal(makeTimeoutVerdict("after_update", asked, time).verdict, "proceed");
  });
});
