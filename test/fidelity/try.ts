import { before, describe } from "mocha";
import { engine } from "../bed/bed.ts";
import { describeBatch } from "./batch.ts";
import { onImage, topics } from "./cases.ts";
import type { Case } from "./case.ts";

const only = (process.env["ONLY"] ?? "").split(",").filter((x) => x);
const skip = (process.env["SKIP"] ?? "").split(",");
const cases = Object.fromEntries(
  (Object.entries(topics) as [string, Record<string, Case>][])
    .filter(([topic]) => !skip.includes(topic))
    .flatMap(([topic, all]) =>
      Object.entries(all).filter(
        ([name]) => only.length === 0 || only.includes(name) || only.includes(topic),
      ),
    ),
);
describe("try", () =>
  describeBatch("try", {
    engine: () => engine(Number(process.env["HOST"] ?? 1)),
    cases: process.env["IMAGE"] ? onImage("mild", cases) : cases,
    env: { SWAPS: process.env["SWAPS"] ?? "8" },
  }));
before(() => engine(Number(process.env["HOST"] ?? 1)).clean());
