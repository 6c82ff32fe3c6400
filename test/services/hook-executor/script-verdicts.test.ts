import assert from "node:assert/strict";
import {
  combineVerdicts,
  shortenToFit,
  judgeScript,
} from "../../../services/hook-executor/script-verdicts.ts";
import type { Verdict } from "../../../shared/contract/messages.ts";

describe("the verdict on an event", () => {
  const of = (script: string, verdict: "proceed" | "refuse" | "defer", reason?: string) => ({
    script,
    verdict,
    ...(reason !== undefined && { reason }),
  });
  const cases: readonly [string, Parameters<typeof combineVerdicts>[0], Verdict][] = [
    ["without scripts proceeds", [], { verdict: "proceed" }],
    [
      "proceeds when all do",
      [of("a", "proceed"), of("b", "proceed", "fine")],
      { verdict: "proceed", reason: "b: fine" },
    ],
    [
      "is refuse as soon as one refuses",
      [of("a", "refuse", "no"), of("b", "defer", "x"), of("c", "proceed")],
      { verdict: "refuse", reason: "a: no" },
    ],
    ["is defer before proceed", [of("a", "proceed", "x"), of("b", "defer")], { verdict: "defer" }],
    [
      "names all that decided",
      [of("a", "refuse", "no"), of("b", "refuse", "never")],
      { verdict: "refuse", reason: "a: no\nb: never" },
    ],
    [
      "waits for the longest that was asked for",
      [
        { ...of("a", "defer", "x"), retry_after_s: 5 },
        { ...of("b", "defer", "y"), retry_after_s: 50 },
      ],
      { verdict: "defer", reason: "a: x\nb: y", retry_after_s: 50 },
    ],
  ];
  for (const [title, opinions, expected] of cases)
    it(title, () => assert.deepEqual(combineVerdicts(opinions), expected));

  it("keeps of long reasons which script, what went wrong, and the end", () => {
    const long = (script: string) =>
      judgeScript(script, { kind: "exit", code: 7 }, `start ${"é".repeat(10_000)} end`, "refuse");
    const { reason = "" } = combineVerdicts([long("a"), long("b"), long("c")]);
    assert.ok(reason.length <= 11_600, String(reason.length));
    assert.deepEqual(
      reason.split("\n").map((line) => line.replace(/é+…?é*/, "…")),
      ["a", "b", "c"].map((name) => `${name}: failed: exit code 7: start … end`),
    );
  });

  it("fits into a message: single reasons go first, then the single containers", () => {
    const many = (n: number, reason: string): Verdict => ({
      verdict: "proceed",
      containers: Object.fromEntries(
        Array.from({ length: n }, (_, i) => [
          `container-${i}`,
          { verdict: i === 7 ? "refuse" : "defer", reason },
        ]),
      ),
    });
    const small = many(10, "because");
    assert.equal(shortenToFit(small), small);
    const bare = shortenToFit(many(100, "x".repeat(1000)));
    assert.deepEqual(bare.containers?.["container-7"], { verdict: "refuse" });
    assert.deepEqual(shortenToFit(many(5000, "x")), {
      verdict: "refuse",
      reason: "the scripts' verdict is too long; the gravest word in it counts for all",
    });
    const noise = shortenToFit({ verdict: "defer", reason: "\u0001".repeat(12_000) });
    assert.equal(noise.verdict, "defer");
    assert.ok(JSON.stringify(noise).length < 1000);
  });
});
