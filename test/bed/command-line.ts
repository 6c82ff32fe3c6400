/** What `npm test` is asked for. */
import { filesAt, isBench, isFullTest, isTest } from "./files.ts";

export interface TestRequest {
  /** Only what needs no bed. */
  readonly unit: boolean;
  readonly full: boolean;
  readonly bench: boolean;
  readonly coverage: boolean;
  /** Compiled files to run; none means all. */
  readonly files: readonly string[];
  /** Passed to mocha unopened. */
  readonly mochaOptions: readonly string[];
}

const own = ["--unit", "--full", "--bench", "--coverage"];
/** Mocha's options that are followed by a value; with `--grep=x` it is in the same word. */
const withValue =
  /^(-[gftsRru]|--(grep|fgrep|timeout|slow|reporter|reporter-options?|require|ui|retries|config|ignore|exclude))$/;

/** Throws with a sentence for a path that stands for no tests. */
export function readCommandLine(args: readonly string[]): TestRequest {
  const isValue = (index: number) => withValue.test(args[index - 1] ?? "");
  const paths = args.filter((arg, index) => !arg.startsWith("-") && !isValue(index));
  const bench = args.includes("--bench");
  const full = args.includes("--full");
  const wanted = bench ? isBench : full ? isFullTest : isTest;
  return {
    ...{ bench, full, unit: args.includes("--unit"), coverage: args.includes("--coverage") },
    files: [
      ...new Set(
        bench && paths.length === 0
          ? filesAt("bench", wanted)
          : paths.flatMap((path) => filesAt(path, wanted)),
      ),
    ],
    mochaOptions: args.filter((arg, index) => !own.includes(arg) && (arg.startsWith("-") || isValue(index))),
  };
}
