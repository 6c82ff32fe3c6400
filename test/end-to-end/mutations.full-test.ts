// That the tests of recovery can fail: one mechanism at a time is taken away from the product, and they do. Prints
// docs/reliability.md's table of it.
import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { swapSteps } from "../../services/updater/swap/swap-steps.ts";
import { ifExists } from "../../shared/docker/engine.ts";
import { engine } from "../bed/bed.ts";
import { deploy, idOf, release } from "../support/containers.ts";
import { writeSection } from "../support/docs-sections.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { PROGRAMS, type Programs, runBatch } from "./killed/run-batch.ts";
import { titleOf } from "./killed/choose-cases.ts";
import { publishImages } from "./killed/deploy.ts";
import { type Case, points } from "./killed/points.ts";
import { openSession } from "./killed/session.ts";
import { SOURCE_FOLDERS } from "../support/sources.ts";

const h1 = engine(1);
const dist = join(import.meta.dirname, "../..");
const altered = join(dist, "altered");

/** Where each undo has something to do: put back by the process that resumes, by proof, and by recovery alone. */
const cases: readonly Case[] = [
  caseAt("after the decision of after_update was recorded", "refused"),
  caseAt('after "start the successor"', "bad"),
  caseAt('after "stop the old container"', "refused"),
];

function caseAt(says: string, scene: Case["scene"]): Case {
  const point = points.find((one) => one.says === says);
  if (point === undefined) throw new Error(`no point ${says}`);
  return { point, scene, policy: "always" };
}

const rows: string[] = [];

describe("where the product lacks", () => {
  before(publishImages);
  afterEach(async () => {
    await h1.clean();
    await rm(altered, { recursive: true, force: true });
  });
  after(() =>
    writeSection("mutations", ["| taken away | what failed |", "| --- | --- |", ...rows].join("\n")),
  );

  it("nothing, nothing fails", async function () {
    this.timeout(900_000);
    assert.deepEqual(await whatFails(PROGRAMS), []);
    assert.deepEqual(await wrongAfterSleep(PROGRAMS), []);
  });

  for (const { name, undo } of swapSteps) {
    if (undo === undefined) continue;
    it(`the undo of "${name}", the loop fails`, async function () {
      this.timeout(900_000);
      const program = PROGRAMS.dying;
      await fails(`the undo of "${name}"`, () =>
        whatFails({ dying: program, recovering: program, env: { WITHOUT_UNDO: name } }),
      );
    });
  }

  it("tolerance for what is so already, the loop fails", async function () {
    this.timeout(900_000);
    const programs = await alter("shared/docker/engine.js", "!codes.includes(status)", "true");
    await fails("`tolerating`: an Engine's answer that it is so already is an error", () =>
      whatFails(programs),
    );
  });

  it("the fence's last look, one that was asleep does harm", async function () {
    this.timeout(900_000);
    const programs = await alter(
      "services/updater/journal/fence.js",
      "async check(signal = this.#bus.signal) {",
      "async check() { return;",
    );
    await fails("the fence's check before the first stop", () => wrongAfterSleep(programs));
  });
});

async function fails(mechanism: string, run: () => Promise<readonly string[]>): Promise<void> {
  const [first] = await run();
  assert.ok(first !== undefined, `nothing fails without ${mechanism}`);
  rows.push(`| ${mechanism} | ${withoutTheRun(first)} |`);
}

/** Neither the ids nor the times that another run has not. */
const withoutTheRun = (sentence: string): string =>
  sentence.replace(/[-:][0-9a-z]{26}\b(?:-[0-9a-f]{12,})?/g, "").replace(/ \(\d+; created .*/s, "");

/** A sentence for each case with which something is wrong. */
async function whatFails(programs: Programs): Promise<readonly string[]> {
  await using session = await openSession(1);
  const outcomes = await runBatch(session, { fault: "none", cases }, programs);
  return outcomes.flatMap(({ wrong }, index) => {
    const one = cases[index];
    const sentence = wrong.find((each) => !each.startsWith("it took ")) ?? wrong[0];
    return sentence === undefined || one === undefined ? [] : [`${titleOf(one)}: ${sentence}`];
  });
}

/** The programs from a copy of what was compiled, with one change. */
async function alter(file: string, from: string, to: string): Promise<Programs> {
  const compiled = join(altered, "dist");
  for (const part of [...SOURCE_FOLDERS, "test/support"])
    await cp(join(dist, part), join(compiled, part), { recursive: true });
  await cp(join(dist, "../package.json"), join(altered, "package.json")); // the programs read their version there
  const text = await readFile(join(compiled, file), "utf8");
  assert.ok(text.includes(from), `${file} has no ${from}`);
  await writeFile(join(compiled, file), text.replace(from, to));
  const program = join(compiled, "test/support/crashing-updater.js"); // main.js is bundled, without the change
  return {
    ...{ dying: program, recovering: program },
    env: { NODE_V8_COVERAGE: "" }, // none of the product's
  };
}

/** One updater sleeps right before its first stop, another takes over and swaps; then the first wakes up. */
async function wrongAfterSleep({ dying, recovering, env }: Programs): Promise<readonly string[]> {
  await deploy(h1, "web", { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
  const old = h1.docker.getContainer(await idOf(h1, "web"));
  await using stack = await startStack({
    engine: h1,
    services: ["hook-executor", "poller"],
    env: { MONITOR: "web", ...env },
  });
  const wait = join(stack.folder, "wait");
  await stack.script("after_update/wait", `#!/bin/sh\nwhile [ -e ${wait} ]; do sleep 0.05; done\n`);
  await writeFile(wait, "");
  const first = stack.start("updater", {
    program: dying,
    env: { DIE_AT: JSON.stringify(["record swapping web"]), DIE_BY: "SIGSTOP" },
  });
  await stack.check();
  await release("apps/web", "2");
  await stack.check();
  await until("the first sleeps", async () => /^State:\s+T/m.test(await statusOf(first.pid)));
  stack.start("updater", recovering === undefined ? {} : { program: recovering });
  await until("the second asks", () => stack.heard().includes("after_update web"), { within: 30_000 });
  first.kill("SIGCONT");
  const harm = async (): Promise<string[]> => {
    const inspect = await ifExists(old.inspect());
    if (inspect === undefined) return ["the old container of web is gone while it may be put back"];
    return inspect.State.Running ? ["the old container of web runs beside the new one"] : [];
  };
  await until(
    "the first stands by, or acts",
    async () => first.log().includes("standing by") || (await harm()).length > 0,
    { within: 30_000 },
  );
  const wrong = await harm();
  await rm(wait);
  if (wrong.length === 0) await stack.expectResult("web", "updated");
  return wrong;
}

const statusOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/status`, "utf8");
