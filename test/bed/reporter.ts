/** Mocha's spec reporter, which also keeps the counts in the file OUROBOROS_TEST_COUNTS names, for run.ts. */
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_RUN_END } = Mocha.Runner.constants;
const patience = 10_000;

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const file = process.env["OUROBOROS_TEST_COUNTS"];
    const write = () => {
      const counts: Counts = { passed: this.stats.passes, failed: this.stats.failures };
      if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
    };
    for (const event of [EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_RUN_END]) runner.on(event, write);
    runner.on(EVENT_RUN_END, giveUpSoon);
  }
}

export function giveUpSoon(): void {
  setTimeout(giveUp, patience).unref();
}

/** A timer, a connection or a process that a test left keeps Node alive: that is a failure, not something to wait for. */
function giveUp(): void {
  console.error(
    `The tests are over and something still runs: ${process.getActiveResourcesInfo().join(", ")}.`,
  );
  process.once("exit", () => (process.exitCode = 1)); // after mocha's own listener, which would say 0
  process.exit();
}
