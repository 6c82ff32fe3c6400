/** Mocha's spec reporter, which also keeps what came of the tests in the file OUROBOROS_TEST_RESULTS names, for run.ts. */
import { writeFileSync } from "node:fs";
import Mocha from "mocha";
import type { FileTime } from "./times.ts";

export interface Results {
  readonly passed: number;
  /** What failed: its titles, and the error in one line. */
  readonly failures: readonly string[];
  /** How long each file took, where files are run one by one. */
  readonly files?: readonly FileTime[];
}

const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_RUN_END } = Mocha.Runner.constants;
const patience = 10_000;

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const file = process.env["OUROBOROS_TEST_RESULTS"];
    const failures = failuresOf(runner);
    const write = () => {
      const results: Results = { passed: this.stats.passes, failures };
      if (file !== undefined) writeFileSync(file, JSON.stringify(results));
    };
    for (const event of [EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_RUN_END]) runner.on(event, write);
    runner.on(EVENT_RUN_END, giveUpSoon);
  }
}

/** Filled while the tests run. */
export function failuresOf(runner: Mocha.Runner): readonly string[] {
  const failures: string[] = [];
  runner.on(EVENT_TEST_FAIL, (test: Mocha.Runnable, error: unknown) => {
    tellBoth(error);
    failures.push(`${test.fullTitle()}: ${inOneLine(error)}`);
  });
  return failures;
}

/** Of a failure that was followed by another while the test put its things away, Node's error says neither. */
function tellBoth(error: unknown): void {
  if (!(error instanceof Error) || error.name !== "SuppressedError") return;
  const { error: later, suppressed: first } = error as Error & { error: unknown; suppressed: unknown };
  for (const one of [first, later]) tellBoth(one);
  const [message, afterwards] = [first, later].map((one) =>
    one instanceof Error ? one.message : String(one),
  );
  error.message = `${message}\nAnd afterwards: ${afterwards}`;
  error.stack = [first, later].map((one) => (one instanceof Error ? one.stack : "")).join("\n");
}

/** What it says, and where in the tests. */
function inOneLine(error: unknown): string {
  const { message, stack = "" } = error instanceof Error ? error : new Error(String(error));
  const [where = ""] = /test\/[\w./-]+\.ts:\d+/.exec(stack) ?? [];
  return `${shortened(message.replaceAll(/\s+/g, " "))} ${where}`.trim();
}

/** Its begin says what is wrong, its end what a program's log said last. */
function shortened(text: string): string {
  const [head, tail] = [700, 1500]; // characters
  return text.length <= head + tail ? text : `${text.slice(0, head)} … ${text.slice(-tail)}`;
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
