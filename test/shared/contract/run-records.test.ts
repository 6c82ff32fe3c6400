import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { isPastPlan } from "../../../shared/contract/run-records.ts";

describe("a run", () => {
  const cases = [
    ["has not asked about its plan where it has only begun", ["begun"], false],
    ["nor where containers ended before anybody was asked", ["begun", "ended", "ended"], false],
    ["has asked where somebody is waited for", ["begun", "ended", "waiting"], true],
    ["has asked nobody where a container is replaced without", ["begun", "swapping"], true],
  ] as const;
  for (const [sentence, kinds, isPast] of cases)
    it(sentence, () => assert.equal(isPastPlan(kinds.map((kind) => ({ kind }))), isPast));
});
