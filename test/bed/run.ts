/**
 * `npm test`: brings up a test bed, runs the tests in it, brings it down. What failed it names once more at the end;
 * the last line it prints is "N passed, N failed". It ends with 0 only if some test ran, none failed, nothing of them was
 * left and, where that was measured, services/ and shared/ are covered.
 *
 *   npm test                                   all tests but those of the next line
 *   npm test -- --full                         also test/…/*.full-test.ts, with OUROBOROS_TEST_FULL=1; measures coverage
 *   npm test -- --bench [bench/x.bench.ts]     the programs bench/*.bench.ts instead, one after the other
 *   npm test -- --coverage                     measures coverage, and prints it file by file
 *   npm test -- test/x.test.ts --grep gate     only these; coverage is not measured then. The rest is mocha's own
 */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { uncovered } from "./coverage.ts";
import type { Results } from "./reporter.ts";
import { type BedOptions, Interrupted, type RunningBed, withBed } from "./with-bed.ts";

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

interface Outcome extends Results {
  /** What is wrong beside failed tests, in a sentence each. */
  readonly complaints: readonly string[];
}

const options: BedOptions = { hosts: ["28.5", "20.10", "26.1"], parts: ["podman", "base-image"] };
const own = ["--full", "--bench", "--coverage"];
const leastCovered = 90;

await main(wishFrom(process.argv.slice(2)));

async function main(wish: Wish): Promise<void> {
  const outcomes: Outcome[] = [];
  try {
    await withBed(options, async (bed) => outcomes.push(await workIn(bed, wish)));
  } catch (error) {
    const { signal } = error instanceof Interrupted ? error : {};
    process.exitCode = signal === undefined ? 1 : 128 + constants.signals[signal];
    console.error(error instanceof Error ? error.message : error);
  }
  const { passed, failures, complaints } = outcomes[0] ?? { passed: 0, failures: [], complaints: [] };
  for (const failure of failures) console.log(`FAILED ${failure}`);
  for (const complaint of complaints) console.log(complaint);
  if (passed === 0 || failures.length > 0 || complaints.length > 0) process.exitCode ??= 1;
  console.log(`${passed} passed, ${failures.length} failed`);
}

async function workIn(bed: RunningBed, wish: Wish): Promise<Outcome> {
  if (wish.bench) return runBenches(bed, wish);
  if (wish.files.length + wish.rest.length > 0) return runSome(bed, wish);
  if (wish.full) return runAll([bed], wish); // what it measures, it measures with the machine to itself
  return withBed(options, (other) => runAll([bed, other], wish)); // tests wait more than they work
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

/** Some files, or what mocha's own options choose, in one bed. */
async function runSome(bed: RunningBed, { full, files, rest }: Wish): Promise<Outcome> {
  const results = join(bed.folder, "results.json");
  const all = ["dist/test/**/*.test.js", ...(full ? ["dist/test/**/*.full-test.js"] : [])];
  const mocha = ["node", "--enable-source-maps", "node_modules/mocha/bin/mocha.js"];
  const ours = ["--require", "./dist/test/bed/leaks.js", "--reporter", "./dist/test/bed/reporter.js"];
  const code = await bed.run([...mocha, ...ours, ...rest, ...(files.length > 0 ? files : all)], {
    OUROBOROS_TEST_RESULTS: results,
    ...(full && { OUROBOROS_TEST_FULL: "1" }),
  });
  return { ...(await resultsOf(bed, results, code)), complaints: [] };
}

/** Everything: the beds take the files one by one, and what ran is measured. */
async function runAll(
  beds: readonly [RunningBed, ...RunningBed[]],
  { full, coverage }: Wish,
): Promise<Outcome> {
  const [{ folder, signal }] = beds;
  const [claims, raw, reports] = ["claims", "coverage-raw", "coverage"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const isMeasured = full || coverage;
  await mkdir(claims);
  const files = await testFiles(full);
  const env = {
    OUROBOROS_TEST_CLAIMS: claims,
    ...(isMeasured && { NODE_V8_COVERAGE: raw }), // it costs every process a good deal
    ...(full && { OUROBOROS_TEST_FULL: "1" }),
  };
  const found = await Promise.all(
    beds.map(async (bed) => {
      const results = join(bed.folder, "results.json");
      const worker = ["node", "--enable-source-maps", "dist/test/bed/worker.js", ...files];
      return resultsOf(bed, results, await bed.run(worker, { ...env, OUROBOROS_TEST_RESULTS: results }));
    }),
  );
  const total = {
    passed: found.reduce((sum, { passed }) => sum + passed, 0),
    failures: found.flatMap(({ failures }) => failures),
  };
  if (signal.aborted || !isMeasured) return { ...total, complaints: [] };
  const c8 = [
    "node",
    "node_modules/c8/bin/c8.js",
    "report",
    "--temp-directory",
    raw,
    "--reports-dir",
    reports,
  ];
  await beds[0].run([...c8, ...(coverage ? ["--reporter", "text", "--reporter", "json-summary"] : [])]);
  return { ...total, complaints: await missing(reports) };
}

/** The long ones first, so that no bed waits for another at the end. */
async function testFiles(full: boolean): Promise<string[]> {
  const found = await readdir("dist/test", { recursive: true });
  const wanted = found.filter(
    (name) => name.endsWith(".test.js") || (full && name.endsWith(".full-test.js")),
  );
  const isLong = (name: string): boolean => /^(end-to-end|fidelity)\//.test(name);
  return wanted
    .sort()
    .sort((one, other) => Number(isLong(other)) - Number(isLong(one)))
    .map((name) => join("dist/test", name));
}

/** A test that never lets go, or a worker that broke down, fails no test and all the same the run. */
async function resultsOf(bed: RunningBed, file: string, code: number): Promise<Results> {
  const nothing = '{ "passed": 0, "failures": [] }';
  const results = JSON.parse(await readFile(file, "utf8").catch(() => nothing)) as Results;
  const brokeDown = results.failures.length === 0 && code !== 0 && !bed.signal.aborted;
  return brokeDown ? { ...results, failures: [`the tests ended with code ${code}`] } : results;
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
  const failures: string[] = [];
  let passed = 0;
  for (const file of files.length > 0 ? files : found.map((name) => join("dist/bench", name))) {
    if (bed.signal.aborted) break;
    const code = await bed.run(["node", "--enable-source-maps", file, ...rest]);
    if (code === 0) passed += 1;
    else failures.push(`${file} ended with code ${code}`);
  }
  return { passed, failures, complaints: [] };
}
