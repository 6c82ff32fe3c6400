// What only `npm run test:full` runs: the same on one more Engine, or once more of a kind of which `npm test` has one.
import { type Func, it } from "mocha";

export const isFullRun = process.env["OUROBOROS_TEST_FULL"] === "1";

/** All of them in the full run, else the first ones. */
export const firstUnlessFull = <One>(all: readonly One[], count = 1): readonly One[] =>
  isFullRun ? all : all.slice(0, count);

/** A test of the full run alone. */
export function itInFullRun(title: string, run: Func | (() => Promise<void>)): void {
  if (isFullRun) it(title, run);
}
