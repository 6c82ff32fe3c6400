import assert from "node:assert/strict";
import { type MirrorLag, updateLag, whyLagging } from "../../../services/poller/mirror-lag.ts";

const [A, B, C, D] = "abcd".split("").map((one) => `sha256:${one.repeat(64)}`) as [
  string,
  string,
  string,
  string,
];
const seen = (serves: string, upstream: string) => ({ mirror: "m:5000", serves, upstream });

/** The lag after the mirror and its registry had these, one after the other. */
function lagOf(...pairs: readonly (readonly [serves: string, upstream: string])[]): MirrorLag | undefined {
  let lag: MirrorLag | undefined;
  for (const [serves, upstream] of pairs) lag = updateLag(lag, seen(serves, upstream));
  return lag;
}

describe("a container whose mirror has", () => {
  const cases: readonly [string, MirrorLag | undefined, string, string][] = [
    ["what it runs, and its registry another, is held", lagOf([A, B]), A, "held"],
    ["another, and its registry what it runs, is current", lagOf([A, B]), B, "current"],
    ["another, and its registry a third, is held", lagOf([A, B]), C, "held"],
    ["what it runs after both have moved is held", lagOf([A, B], [C, D]), C, "held"],
    ["moved on to another since it lags is updated", lagOf([A, B], [C, B]), A, "updated"],
    ["moved on and back again is held", lagOf([A, B], [C, B], [A, B]), C, "held"],
    ["stayed while its registry moved again is held", lagOf([A, B], [A, C]), B, "held"],
    ["what its registry has is updated", lagOf([A, B], [B, B]), A, "updated"],
  ];
  for (const [sentence, lag, running, expected] of cases)
    it(sentence, () => {
      const because = lag === undefined ? "updated" : (whyLagging(lag, [running], "web:1") ?? "updated");
      assert.equal(because.split(":")[0], expected);
    });
});
