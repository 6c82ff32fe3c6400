/**
 * `npm test`: runs the unit tests, and the others in test beds that it brings up and down. What failed it names once more
 * at the end; the last line it prints is "N passed, N failed". It ends with 0 only if some test ran, none failed, nothing
 * of them was left and, where that was measured, services/ and shared/ are covered.
 *
 *   npm test                                   all tests but those of --full
 *   npm test -- --unit                         only those that need no bed (files.ts says which): `npm run test:unit`
 *   npm test -- --full                         also test/…/*.full-test.ts, with OUROBOROS_TEST_FULL=1; measures coverage
 *   npm test -- --bench [bench/x.bench.ts]     the programs bench/*.bench.ts instead, one after the other
 *   npm test -- --coverage                     measures coverage, and prints it file by file
 *   npm test -- test/x.test.ts --grep gate     only these files or folders; coverage is not measured then. The rest is
 *                                              mocha's own. A bed is brought up only if one of them needs it
 */
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, constants, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { type TestRequest, readCommandLine } from "./command-line.ts";
import { uncovered } from "./coverage.ts";
import { isFullTest, isTest, longestFirst, needsBed, testsIn } from "./files.ts";
import type { Results } from "./reporter.ts";
import { slowest } from "./times.ts";
import { type BedOptions, Interrupted, withBed } from "./with-bed.ts";
import { type Place, run, withoutBed } from "./without-bed.ts";
import { SOURCE_FOLDERS } from "../support/sources.ts";

/** What has come of it so far. */
interface Outcome {
  readonly results: Results[];
  /** What is wrong beside failed tests, in a sentence each. */
  readonly complaints: string[];
}

/** Where all tests run, `.ci/test.mjs` has the base image made meanwhile; who needs it waits for it. */
const parts = process.argv.length > 2 ? (["podman", "base-image"] as const) : (["podman"] as const);
const options: BedOptions = { hosts: ["28.5", "20.10", "26.1"], parts };
/** The full run has a browser, too, and a kernel of its own. */
const optionsOf = (full: boolean): BedOptions =>
  full ? { ...options, parts: [...parts, "chromium", "uml"] } : options;
const leastCovered = 90;

await main();

async function main(): Promise<void> {
  const outcome: Outcome = { results: [], complaints: [] };
  const folder = await mkdtemp(join(tmpdir(), "ouroboros-tests-"));
  try {
    await work(readCommandLine(process.argv.slice(2)), { outcome, folder });
  } catch (error) {
    const { signal } = error instanceof Interrupted ? error : {};
    process.exitCode = signal === undefined ? 1 : 128 + constants.signals[signal];
    console.error(error instanceof Error ? error.message : error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const passed = outcome.results.reduce((sum, one) => sum + one.passed, 0);
  const failures = outcome.results.flatMap((one) => one.failures);
  for (const line of slowest(outcome.results.flatMap(({ files = [] }) => files))) console.log(line);
  for (const failure of failures) console.log(`FAILED ${failure}`);
  for (const complaint of outcome.complaints) console.log(complaint);
  if (passed === 0 || failures.length > 0 || outcome.complaints.length > 0) process.exitCode ??= 1;
  console.log(`${passed} passed, ${failures.length} failed`);
}

interface Work {
  readonly outcome: Outcome;
  /** For as long as the tests run. */
  readonly folder: string;
}

async function work(request: TestRequest, { outcome, folder }: Work): Promise<void> {
  const { bench, unit, full, files, mochaOptions } = request;
  const add = (results: Results) => void outcome.results.push(results);
  if (bench) return withBed(options, async (bed) => add(await runBenches(bed, request)));
  const isSelection = files.length + mochaOptions.length > 0;
  const wanted = isSelection && files.length > 0 ? files : testsIn("dist/test", full ? isFullTest : isTest);
  const units = wanted.filter((file) => !needsBed(file));
  const others = unit ? [] : longestFirst(wanted.filter((file) => needsBed(file)));
  if (unit && units.length < files.length) throw new Error("--unit: some of these files need the bed.");
  const where = { units, others, folder };
  if (isSelection) await runSome(request, where, add);
  else await runAll(request, where, add);
  const isMeasured = !unit && !isSelection && (full || request.coverage);
  if (isMeasured) outcome.complaints.push(...(await missingCoverage(request, folder)));
}

interface Where {
  readonly units: readonly string[];
  readonly others: readonly string[];
  readonly folder: string;
}

/** Some files, or what mocha's own options choose, in one bed. */
async function runSome(
  { full, mochaOptions }: TestRequest,
  { units, others, folder }: Where,
  add: (results: Results) => void,
): Promise<void> {
  const runIn = async (place: Place, files: readonly string[], ...more: readonly string[]) => {
    const results = join(folder, `${files === units ? "units" : "others"}.json`);
    const mocha = ["--enable-source-maps", "node_modules/mocha/bin/mocha.js", ...more];
    const code = await place.run(
      ["node", ...mocha, "--reporter", "./dist/test/bed/reporter.js", ...mochaOptions, ...files],
      { OUROBOROS_TEST_RESULTS: results, ...(full && { OUROBOROS_TEST_FULL: "1" }) },
    );
    add(await resultsOf(place, results, code));
  };
  if (units.length > 0) await runIn(withoutBed, units);
  if (others.length > 0)
    await withBed(optionsOf(full), (bed) => runIn(bed, others, "--require", "./dist/test/bed/leaks.js"));
}

/** Everything: the beds take the files one by one. */
async function runAll(
  { full, coverage }: TestRequest,
  { units, others, folder }: Where,
  add: (results: Results) => void,
): Promise<void> {
  const env = {
    OUROBOROS_TEST_CLAIMS: join(folder, "claims"),
    ...((full || coverage) && { NODE_V8_COVERAGE: join(folder, "coverage-raw") }), // it costs every process a good deal
    ...(full && { OUROBOROS_TEST_FULL: "1" }),
  };
  await mkdir(env.OUROBOROS_TEST_CLAIMS);
  let workers = 0;
  const runIn = async (place: Place, files: readonly string[]) => {
    const results = join(folder, `${(workers += 1)}.json`);
    const worker = ["node", "--enable-source-maps", "dist/test/bed/worker.js", ...files];
    add(
      await resultsOf(place, results, await place.run(worker, { ...env, OUROBOROS_TEST_RESULTS: results })),
    );
  };
  const first = times(availableParallelism(), () => runIn(withoutBed, units));
  if (full) await Promise.all(first); // what it measures, it measures with the machine to itself
  const beds = others.length === 0 ? 0 : full ? 1 : bedCount();
  const second = times(beds, () => withBed(optionsOf(full), (bed) => runIn(bed, others)));
  const ended = await Promise.allSettled([...first, ...second]);
  for (const one of ended) if (one.status === "rejected") throw one.reason;
}

/** Tests wait more than they work: this many beds keep the processors busy; more starve what they test. One takes about 1.5 GB. */
function bedCount(): number {
  const [processors, memory] = [2 * availableParallelism(), Math.floor(totalmem() / 2 ** 31)];
  return Number(process.env["BEDS"] ?? Math.max(1, Math.min(processors, memory)));
}

function times<T>(count: number, start: () => T): T[] {
  return Array.from({ length: count }, start);
}

/** A test that never lets go, or a worker that broke down, fails no test and all the same the run. */
async function resultsOf(place: Place, file: string, code: number): Promise<Results> {
  const nothing = '{ "passed": 0, "failures": [] }';
  const results = JSON.parse(await readFile(file, "utf8").catch(() => nothing)) as Results;
  const brokeDown = results.failures.length === 0 && code !== 0 && place.signal?.aborted !== true;
  return brokeDown ? { ...results, failures: [`the tests ended with code ${code}`] } : results;
}

async function missingCoverage({ coverage }: TestRequest, folder: string): Promise<string[]> {
  const reports = join(folder, "coverage");
  const paths = ["--temp-directory", join(folder, "coverage-raw"), "--reports-dir", reports];
  const table = coverage ? ["--reporter", "text", "--reporter", "json-summary"] : [];
  await run(["node_modules/c8/bin/c8.js", "report", ...paths, ...table]);
  return uncovered(join(reports, "coverage-summary.json"), SOURCE_FOLDERS, leastCovered).catch(() => [
    "There is no coverage report.",
  ]);
}

/** A bench is a program that prints what it measured; it passed if it ended with 0. */
async function runBenches(place: Place, { files, mochaOptions }: TestRequest): Promise<Results> {
  const failures: string[] = [];
  for (const file of files) {
    if (place.signal?.aborted === true) break;
    const code = await place.run(["node", "--enable-source-maps", file, ...mochaOptions]);
    if (code !== 0) failures.push(`${file} ended with code ${code}`);
  }
  return { passed: files.length - failures.length, failures };
}
