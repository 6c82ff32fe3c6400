// One case of each kind on one Engine. All of them, on all Engines, are fidelity.full-test.ts's.
import { describe } from "mocha";
import { engine } from "../bed/bed.ts";
import { describeBatch } from "./batch.ts";
import { oneOfEachKind } from "./cases.ts";

describe("an updated container equals one that was created on the new image", () => {
  describeBatch("on Engine 28.5", { engine: () => engine(1), cases: oneOfEachKind });
});
