import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { after, afterEach, before, describe, it } from "mocha";
import { swapSteps } from "../../services/updater/swap/swap-steps.ts";
import { type NoticeData, type NoticeName, dataSchema } from "../../shared/contract/hooks.ts";
import { Notice } from "../../shared/contract/messages.ts";
import { STREAMS, eventId, subjects } from "../../shared/contract/subjects.ts";
import { engine } from "../bed/bed.ts";
import { LONG_SETTLE_TIME, deploy, overview, release } from "../support/containers.ts";
import { update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull } from "../support/full-run.ts";
import { testProgram } from "../support/test-programs.ts";

const h1 = engine(1);
const VERSION = "org.opencontainers.image.version";

describe("the end of an update as an event", () => {
  let stack: Stack;
  let run: string;
  const notes = (): string => join(stack.folder, "notes");
  const note = (text: string): string => `#!/bin/sh\necho "${text}" >> ${notes()}\n`;

  before(async () => {
    await deploy(h1, "good", { imageOptions: { labels: { [VERSION]: "1.4.2" } } });
    await deploy(h1, "kept");
    await deploy(h1, "bad", { create: { Labels: LONG_SETTLE_TIME } });
    stack = await startStack({ engine: h1 });
    await stack.script("before_update/10-no", '#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != kept ]\n');
    await stack.script("update_finished/10-note", note("$OUROBOROS_CONTAINER_NAME $OUROBOROS_RESULT"));
    await stack.script("run_finished/10-note", note("the run"));
    await stack.check();
    await release("apps/good", "2", { labels: { [VERSION]: "1.5.0" } });
    await release("apps/bad", "2", { cmd: "exit 3" });
    await release("apps/kept", "2");
    await update(stack);
    run = stack.records[0]?.run ?? "";
    await until("all is told", () => stack.notices.length >= 4);
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("is told for each container, with the reason, both images, every step and the time it was down", async () => {
    const good = noticeData(stack, "update_finished", "good");
    const record = await stack.awaitResult("good");
    assert.deepEqual(
      [good.end, good.because, good.by, good.image],
      ["updated", "the new container proved itself", "updater", "registry.lab:5000/apps/good:latest"],
    );
    assert.deepEqual([good.from, good.to], [record.from, record.to]);
    assert.notEqual(good.from_digest, good.to_digest);
    assert.deepEqual([good.from_version, good.to_version], ["1.4.2", "1.5.0"]);
    for (const digest of [good.from_digest, good.to_digest])
      assert.match(digest ?? "", /^registry\.lab:5000\/apps\/good@sha256:/);
    const steps = good.steps.map(({ step }) => step);
    assert.deepEqual(steps, [
      "pull registry.lab:5000/apps/good:latest",
      ...swapSteps.map(({ name }) => name),
    ]);
    assert.ok((good.downtime_ms ?? 0) > 0 && (good.ms ?? 0) >= (good.downtime_ms ?? 0));
  });

  it("tells of one that was put back which steps it had done", () => {
    const bad = noticeData(stack, "update_finished", "bad");
    assert.equal(bad.end, "rolled_back");
    assert.match(bad.because, /^"prove the successor" failed/);
    const steps = bad.steps.map(({ step }) => step);
    const proof = swapSteps.findIndex(({ name }) => name === "prove the successor");
    assert.deepEqual(steps.slice(1), swapSteps.slice(0, proof).map(({ name }) => name)); // prettier-ignore
    assert.ok((bad.downtime_ms ?? 0) > 0);
  });

  it("tells who refused, and that nothing was down", () => {
    const kept = noticeData(stack, "update_finished", "kept");
    assert.deepEqual([kept.end, kept.by, kept.downtime_ms], ["refused", `exec_${stack.host}`, null]);
  });

  it("is followed by the end of the run, with all ends", () => {
    const { ends, ms } = noticeData(stack, "run_finished", null);
    assert.deepEqual(Object.fromEntries(ends.map(({ name, end }) => [name, end])), {
      good: "updated",
      bad: "rolled_back",
      kept: "refused",
    });
    assert.ok(ms > 0);
    assert.equal(stack.notices.at(-1)?.type, "ouroboros.run_finished.v1");
  });

  it("is told to scripts, once, those of a refused update too", async () => {
    const lines = async () =>
      (await readFile(notes(), "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
    await until("the scripts have run", async () => (await lines()).length >= 4);
    const noted = await lines();
    assert.deepEqual(noted.toSorted(), ["bad rolled_back", "good updated", "kept refused", "the run"]);
    assert.equal(noted.at(-1), "the run");
  });

  it("is in the stream once, and nobody is asked", async () => {
    for (const name of ["good", "bad", "kept"]) assert.equal(await stored(stack, run, name), 1);
    const asked = stack.records.flatMap((record) =>
      record.kind === "waiting" ? [record.hook as string] : [],
    );
    assert.ok(asked.includes("before_update") && !asked.includes("update_finished"));
    assert.doesNotMatch(stack.services["hook-executor"]?.log() ?? "", /given up/);
  });
});

describe("an updater that is killed before it tells an end", () => {
  afterEach(() => h1.clean());

  for (const [sentence, moment] of firstUnlessFull([
    ["of a container", "container ended"],
    ["of a run", "run finished"],
  ] as const))
    it(`${sentence} tells it when it is back, once`, async () => {
      await deploy(h1, "web");
      await using stack = await startStack({ engine: h1, services: ["poller", "hook-executor"] });
      const env = { DIE_AT: moment };
      const dying = stack.start("updater", { program: testProgram("updater-crashing-at-log-line"), env });
      await stack.check();
      await release("apps/web", "2");
      await stack.check();
      assert.equal(await dying.exited, "SIGKILL");
      const run = stack.records[0]?.run ?? "";
      stack.start("updater");
      await until("both are told", () => stack.notices.length >= 2, { explain: dying.log });
      assert.equal(noticeData(stack, "update_finished", "web").end, "updated");
      assert.equal(noticeData(stack, "run_finished", null).ends[0]?.end, "updated");
      assert.deepEqual([await stored(stack, run, "web"), await stored(stack, run, null)], [1, 1]);
    });

  for (const [step, end, version] of firstUnlessFull([
    ["stop the old container", "rolled_back", "1"],
    ["start the successor", "updated", "2"],
  ] as const))
    it(`tells that it ended ${end}, also where the store of NATS was lost after "${step}"`, async () => {
      await deploy(h1, "web");
      await using stack = await startStack({ engine: h1, services: ["poller", "hook-executor"] });
      const dying = stack.start("updater", {
        program: testProgram("crashing-updater"),
        env: { DIE_AFTER: step },
      });
      await stack.check();
      await release("apps/web", "2");
      await stack.check();
      assert.equal(await dying.exited, "SIGKILL");
      for (const one of ["poller", "hook-executor"] as const)
        await stack.services[one]?.[Symbol.asyncDispose]();
      const manager = await jetstreamManager(stack.nats, { checkAPI: false });
      for (const stream of Object.values(STREAMS)) await manager.streams.delete(stream);
      stack.start("updater");
      await until("it is told", () => stack.notices.length > 0, {
        explain: () => stack.services.updater?.log() ?? "",
      });
      assert.equal(noticeData(stack, "update_finished", "web").end, end);
      assert.deepEqual(await overview(h1), [`web running ${version}`]);
    });
});

/** What was told of a container, or of the run; checked against the table. */
function noticeData<N extends NoticeName>(stack: Stack, name: N, container: string | null): NoticeData<N> {
  const notice = stack.notices.find(
    ({ type, subject }) => type === `ouroboros.${name}.v1` && subject === (container ?? ""),
  );
  const { data } = Notice.parse(notice);
  return dataSchema(name).strict().parse(data) as unknown as NoticeData<N>;
}

/** How many messages there are of an end. */
async function stored(stack: Stack, run: string, container: string | null): Promise<number> {
  const hook = container === null ? "run_finished" : "update_finished";
  const subject = subjects.hook({ host: stack.host, hook, container, event: eventId(run, hook, container) });
  const manager = await jetstreamManager(stack.nats, { checkAPI: false });
  const { state } = await manager.streams.info(STREAMS.hooks, { subjects_filter: subject });
  return state.subjects?.[subject] ?? 0;
}
