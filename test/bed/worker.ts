/**
 * Runs test files, one after the other, inside a bed or without one. Each is claimed first by a file in the folder
 * OUROBOROS_TEST_CLAIMS, so that workers in several beds share the work; those that need our image are claimed together.
 * What a file has to say is printed in one piece; what came of it goes into the file OUROBOROS_TEST_RESULTS after each.
 *
 *   node dist/test/bed/worker.js dist/test/x.test.js...
 */
import { open, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { format } from "node:util";
import Mocha from "mocha";
import { needsImage } from "./files.ts";
import { mochaHooks as rootHooks } from "./leaks.ts";
import { type Results, failuresOf, giveUpSoon } from "./reporter.ts";
import { cpuMs } from "./times.ts";

const { OUROBOROS_TEST_CLAIMS: claims = "", OUROBOROS_TEST_RESULTS: results = "" } = process.env;
const options = JSON.parse(await readFile(".mocharc.json", "utf8")) as Mocha.MochaOptions;
const claimed = new Set<string>();
const { Base } = Mocha.reporters as unknown as { Base: { consoleLog: (...args: unknown[]) => void } };

let sum: Results = { passed: 0, failures: [], files: [] };
for (const file of process.argv.slice(2)) {
  if (!(await isOurs(file))) continue;
  const [wall, cpu] = [performance.now(), cpuMs()];
  const { passed, failures } = await run(file);
  sum = {
    passed: sum.passed + passed,
    failures: [...sum.failures, ...failures.map((failure) => `${file}: ${failure}`)],
    files: [...(sum.files ?? []), { file, wallMs: performance.now() - wall, cpuMs: cpuMs() - cpu }],
  };
  await writeFile(results, JSON.stringify(sum));
}
process.exitCode = sum.failures.length === 0 ? 0 : 1;
giveUpSoon();

async function isOurs(file: string): Promise<boolean> {
  const claim = needsImage(file) ? "our image" : file;
  if (claimed.has(claim)) return true;
  try {
    await (await open(join(claims, encodeURIComponent(claim)), "wx")).close();
    claimed.add(claim);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function run(file: string): Promise<Results> {
  const lines = [file];
  Base.consoleLog = (...args) => lines.push(format(...args));
  try {
    const mocha = new Mocha({ ...options, reporter: "spec", color: process.stdout.isTTY, rootHooks });
    mocha.addFile(resolve(file));
    await mocha.loadFilesAsync();
    return await new Promise<Results>((done) => {
      const runner = mocha.run(() => {
        const passed = runner.stats?.passes ?? 0;
        done({ passed, failures: passed + failures.length > 0 ? failures : ["ran no test"] });
      });
      const failures = failuresOf(runner);
    });
  } catch (error) {
    lines.push(format("%s cannot be loaded:", file, error));
    return { passed: 0, failures: ["cannot be loaded"] };
  } finally {
    console.log(lines.join("\n"));
  }
}
