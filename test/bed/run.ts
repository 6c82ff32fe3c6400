/**
 * `npm test`: brings up a test bed, runs the tests in it, brings it down. The last line it prints is
 * "N passed, N failed"; it ends with 0 only if some test ran, none failed, nothing of them was left and services/ and
 * shared/ are covered.
 *
 *   npm test                                   all tests but those of the next line
 *   npm test -- --full                         also test/…/*.full-test.ts, with OUROBOROS_TEST_FULL=1
 *   npm test -- --bench [bench/x.bench.ts]     the programs bench/*.bench.ts instead, one after the other
 *   npm test -- --coverage                     also a table of what ran, file by file
 *   npm test -- test/x.test.ts --grep gate     only these; coverage is not asked for then. The rest is mocha's own
 */
import { readdir, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { uncovered } from "./coverage.ts";
import type { Counts } from "./reporter.ts";
import { Interrupted, type RunningBed, withBed } from "./with-bed.ts";

/** What the command line asks for. */
interface Wish {
  readonly full: boolean;
  readonly bench: boolean;
  readonly coverage: boolean;
  /** Compiled files to run; none means all. */
  readonly files: readonly string[];
  /** Passed to mocha unopened. */
  readonly rest: readonly string[];
}

interface Outcome extends Counts {
  /** What is wrong beside failed tests, in a sentence each. */
  readonly complaints: readonly string[];
}

const hosts = ["28.5", "20.10", "26.1"];
const own = ["--full", "--bench", "--coverage"];
const leastCovered = 90;

await main(wishFrom(process.argv.slice(2)));

async function main(wish: Wish): Promise<void> {
  const outcomes: Outcome[] = [];
  try {
    const work = wish.bench ? runBenches : runTests;
    await withBed({ hosts, parts: ["podman", "base-image"] }, async (bed) =>
      outcomes.push(await work(bed, wish)),
    );
  } catch (error) {
    const { signal } = error instanceof Interrupted ? error : {};
    process.exitCode = signal === undefined ? 1 : 128 + constants.signals[signal];
    console.error(error instanceof Error ? error.message : error);
  }
  const { passed, failed, complaints } = outcomes[0] ?? { passed: 0, failed: 0, complaints: [] };
  for (const complaint of complaints) console.error(complaint);
  if (passed === 0 || failed > 0 || complaints.length > 0) process.exitCode ??= 1;
  console.log(`${passed} passed, ${failed} failed`);
}

function wishFrom(args: readonly string[]): Wish {
  const isFile = (arg: string) => /\.[tj]s$/.test(arg);
  return {
    full: args.includes("--full"),
    bench: args.includes("--bench"),
    coverage: args.includes("--coverage"),
    files: args
      .filter(isFile)
      .map((file) => `dist/${file.replace(/^(\.\/)?(dist\/)?/, "").replace(/ts$/, "js")}`),
    rest: args.filter((arg) => !own.includes(arg) && !isFile(arg)),
  };
}

async function runTests(bed: RunningBed, { full, coverage, files, rest }: Wish): Promise<Outcome> {
  const whole = files.length === 0 && rest.length === 0;
  const all = ["dist/test/**/*.test.js", ...(full ? ["dist/test/**/*.full-test.js"] : [])];
  const reports = join(bed.folder, "coverage");
  const counts = join(bed.folder, "counts.json");
  const measure = [
    ...[
      "node",
      "node_modules/c8/bin/c8.js",
      "--temp-directory",
      join(reports, "raw"),
      "--reports-dir",
      reports,
    ],
    ...(coverage ? ["--reporter", "text", "--reporter", "json-summary"] : []),
  ];
  const mocha = [
    ...[
      "node",
      "--enable-source-maps",
      "node_modules/mocha/bin/mocha.js",
      "--require",
      "./dist/test/bed/leaks.js",
    ],
    ...["--reporter", "./dist/test/bed/reporter.js", ...rest, ...(files.length > 0 ? files : all)],
  ];
  const code = await bed.run([...(whole || coverage ? measure : []), ...mocha], {
    OUROBOROS_TEST_COUNTS: counts,
    ...(full && { OUROBOROS_TEST_FULL: "1" }),
  });
  const { passed, failed } = JSON.parse(
    await readFile(counts, "utf8").catch(() => '{ "passed": 0, "failed": 0 }'),
  ) as Counts;
  const complaints = whole && !bed.signal.aborted ? await missing(reports) : [];
  // A file that cannot be loaded, or a test that never lets go, fails no test and all the same the run.
  return { passed, failed: failed === 0 && code !== 0 && !bed.signal.aborted ? 1 : failed, complaints };
}

function missing(reports: string): Promise<string[]> {
  const nothing = ["There is no coverage report."];
  return uncovered(join(reports, "coverage-summary.json"), ["services", "shared"], leastCovered).catch(
    () => nothing,
  );
}

/** A bench is a program that prints what it measured; it passed if it ended with 0. */
async function runBenches(bed: RunningBed, { files, rest }: Wish): Promise<Outcome> {
  const found = (await readdir("dist/bench")).filter((name) => name.endsWith(".bench.js")).sort();
  const codes: number[] = [];
  for (const file of files.length > 0 ? files : found.map((name) => join("dist/bench", name))) {
    if (bed.signal.aborted) break;
    codes.push(await bed.run(["node", "--enable-source-maps", file, ...rest]));
  }
  const passed = codes.filter((code) => code === 0).length;
  return { passed, failed: codes.length - passed, complaints: [] };
}
