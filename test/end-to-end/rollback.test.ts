// An operator goes back to the image before, and forth again; what is held meanwhile outlives restarts.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { after, afterEach, before, describe, it } from "mocha";
import { OperatorRequestResult, Status } from "../../cli/output/output-schemas.ts";
import { ImageHistory } from "../../shared/contract/image-history.ts";
import { engine } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { deploy, overview, release } from "../support/containers.ts";
import {
  awaitResults,
  readHold,
  requestAsOperator,
  runAsOperator,
  skippedContainers,
  update,
} from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun, firstUnlessFull } from "../support/full-run.ts";
import { testProgram } from "../support/test-programs.ts";

const h1 = engine(1);
const dyingUpdater = testProgram("crashing-updater");
const VOLUMES = { volumes: ["/data"] };

const imageOf = async (name: string): Promise<string> => (await h1.docker.getContainer(name).inspect()).Image;

/** What a command prints inside the container. */
async function inside(name: string, line: string): Promise<string> {
  const exec = await h1.docker
    .getContainer(name)
    .exec({ Cmd: ["sh", "-c", line], AttachStdout: true, Tty: true });
  return (await text(await exec.start({ Tty: true }))).trim();
}

/** How the run that was asked for ends for the container. */
const resultOf = async (stack: Stack, kind: "update" | "rollback", container: string): Promise<string> =>
  (await runAsOperator(stack, kind, container))[container] ?? "";

describe("ouroboros rollback", () => {
  let stack: Stack;
  const images: string[] = [];
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: stack.server.url }, words);

  before(async () => {
    await deploy(h1, "web", { imageOptions: VOLUMES });
    await inside("web", "echo kept > /data/it");
    images.push(await imageOf("web"));
    stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES, env: { SAVE_COUNTERS: "true" } });
    await stack.check();
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("says that there is no way back where nothing was updated, and no such container", async () => {
    const { code, out } = await run("rollback", "web");
    assert.deepEqual(
      [code, out],
      [1, "web on h1: left alone: the journal knows of no earlier update of it\n"],
    );
    const unknown = await run("rollback", "wbe", "--host", "h1");
    assert.deepEqual(
      [unknown.code, unknown.err],
      [
        1,
        "ouroboros rollback: wbe on h1: there is no such container; `ouroboros check wbe` shows what it finds\n",
      ],
    );
  });

  it("goes back to the image before, with its data; what it left is held", async () => {
    await release("apps/web", "2", VOLUMES);
    assert.deepEqual(await update(stack), { web: "updated" });
    images.push(await imageOf("web"));
    assert.equal(await resultOf(stack, "rollback", "web"), "updated");
    assert.deepEqual(await overview(h1), ["web running 1"]);
    const { Image, Config } = await h1.docker.getContainer("web").inspect();
    assert.deepEqual([Image, Config.Image], [images[0], "registry.lab:5000/apps/web:latest"]);
    assert.equal(await inside("web", "cat /data/it"), "kept");
    assert.equal((await h1.docker.getImage(Config.Image).inspect()).Id, images[1]);
    const entry = await readHold(stack, "web");
    assert.deepEqual(
      [entry?.because, entry?.by, entry?.until, entry?.end],
      ["rolled back by the operator", "operator", null, "rolled_back"],
    );
    assert.match(
      (await skippedContainers(stack))["web"] ?? "",
      /^held: rolled back by the operator \(operator\), until the tag changes$/,
    );
  });

  it("tells the hooks that it is one, by the ordinary events", () => {
    const asked = stack.events.filter(({ event }) => event.data["rollback"] === true);
    assert.deepEqual(
      asked.map(({ hook }) => hook),
      ["updates_enumerated"],
    );
    const run = asked[0]?.event.data["run"];
    assert.deepEqual(
      stack.events.filter(({ event }) => event.data["run"] === run).map(({ hook }) => hook),
      ["updates_enumerated", "before_update", "after_update"],
    );
    const [{ latest_image } = { latest_image: { digests: [""] } }] = asked[0]?.event.data["updateable"] as {
      latest_image: { digests: string[] };
    }[];
    const first = stack.records.find((record) => record.kind === "ended");
    assert.deepEqual(latest_image.digests, [first?.from_digest]);
  });

  itInFullRun("holds through restarts of the updater, the poller and NATS", async () => {
    for (const service of ["poller", "updater"] as const) {
      stack.services[service]?.kill("SIGKILL");
      await stack.services[service]?.exited;
    }
    await stack.server.kill("SIGKILL");
    await stack.server.restart();
    stack.start("updater");
    stack.start("poller");
    await until("NATS is back", () => stack.nats.rtt().catch(() => undefined)); // what is asked before is lost
    assert.match((await skippedContainers(stack))["web"] ?? "", /^held: rolled back by the operator/);
    assert.deepEqual(await overview(h1), ["web running 1"]);
  });

  it("goes forth again when an update is asked for, and nothing is held any more", async () => {
    assert.equal(await resultOf(stack, "update", "web"), "updated");
    assert.equal(await imageOf("web"), images[1]);
    assert.equal(await readHold(stack, "web"), undefined);
    assert.deepEqual((await requestAsOperator(stack, "update", "web")).kind, "current");
  });

  itInFullRun("goes back and forth when asked twice in a row", async () => {
    assert.equal(await resultOf(stack, "rollback", "web"), "updated");
    assert.equal(await imageOf("web"), images[0]);
    assert.equal(await resultOf(stack, "rollback", "web"), "updated");
    assert.equal(await imageOf("web"), images[1]);
    assert.equal(await readHold(stack, "web"), undefined);
    assert.equal((await skippedContainers(stack))["web"], "current");
    assert.equal(await inside("web", "cat /data/it"), "kept");
  });

  it("can be refused like an update, which changes nothing, nor what is held", async () => {
    await stack.script("before_update/10-no", "#!/bin/sh\necho not now >&2; exit 1\n");
    const waited = await run("rollback", "web", "--wait");
    assert.equal(waited.code, 1);
    assert.match(waited.out, /^web: refused: .*not now$/m);
    assert.equal(await imageOf("web"), images[1]);
    assert.equal(await readHold(stack, "web"), undefined);
    await stack.script("before_update/10-no", "#!/bin/sh\n");
  });

  it("is waited for with --wait, which tells how it goes on and ends", async () => {
    await release("apps/web", "3", VOLUMES);
    const { code, out } = await run("update", "web", "--wait");
    const lines = out.trim().split("\n");
    assert.equal(code, 0, out);
    assert.match(lines[0] ?? "", /^web on h1: run \S+ begun$/);
    assert.match(out, /^before_update of web: proceed/m);
    assert.match(out, /^web: is replaced$/m);
    assert.match(lines.at(-1) ?? "", /^web: updated [\da-f]{12} → [\da-f]{12}, down for [\d.]+ s: /);
    const back = await run("rollback", "web", "--wait", "-o", "json");
    assert.deepEqual(
      [back.code, OperatorRequestResult.parse(JSON.parse(back.out)).ends],
      [0, { web: "updated" }],
    );
    const [newest = ""] = (await run("history", "web")).out.split("\n").slice(1);
    assert.match(newest, /rolled back by the operator +[\da-f]{12} → [\da-f]{12} /);
    assert.doesNotMatch(newest, /updated|operator;/);
  });

  it("is shown as one, once, and counted as no update", async () => {
    const { out: explained } = await run("explain", "web");
    assert.match(explained, /last run: +rolled back by the operator\n +because: +(?!rolled back)/);
    const { out: status } = await run("status");
    assert.match(status, / 1 rolled back by the operator, /);
    const [host] = Status.parse(JSON.parse((await run("status", "-o", "json")).out)).hosts;
    assert.ok(host?.wrong.every(({ container }) => container !== "web"));
    assert.deepEqual([host?.last_run?.ends, host?.updates?.containers], [{ web: "updated" }, { web: 3 }]);
    for (const [hook, says] of [
      ["update_finished", / rolled back by the operator [\da-f]{12} → [\da-f]{12}, .*: (?!rolled back)/],
      ["run_finished", / 1 rolled back by the operator, after /],
    ] as const)
      assert.match((await run("events", "--hook", hook)).out.trimEnd().split("\n").at(-1) ?? "", says);
    await until("the ledger has counted the three updates, and them alone", async () => {
      const { out } = await run("image", "registry.lab:5000/apps/web", "-o", "json");
      const { digests } = ImageHistory.parse(JSON.parse(out));
      return digests.reduce((sum, { ends }) => sum + (ends.updated?.times ?? 0), 0) === 3 || undefined;
    });
    const log = stack.services.updater?.log() ?? "";
    assert.match(log, /"end":"updated".*"by":"operator".*"msg":"container ended"/);
  });

  it("waits with --wait for the run that is under way", async () => {
    await stack.script("before_update/10-no", "#!/bin/sh\nsleep 3\n");
    await release("apps/web", "4", VOLUMES);
    assert.equal((await run("update", "web")).code, 0);
    const { code, out } = await run("rollback", "web", "--wait");
    assert.match(out, /^web on h1: waits: the updater has a plan in hand\nweb on h1: run \S+ begun$/m);
    assert.equal(code, 0, out);
  });
});

describe("ouroboros rollback that is killed in the middle", () => {
  afterEach(() => h1.clean());

  for (const step of firstUnlessFull(["give the name to the successor", "create the successor"]))
    it(`after "${step}" ends as if it had not been`, async () => {
      await deploy(h1, "web", { imageOptions: VOLUMES });
      await inside("web", "echo kept > /data/it");
      const old = await imageOf("web");
      await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
      await stack.check();
      await release("apps/web", "2", VOLUMES);
      assert.deepEqual(await update(stack), { web: "updated" });
      stack.services.updater?.kill("SIGTERM");
      await stack.services.updater?.exited;
      const dying = stack.start("updater", { program: dyingUpdater, env: { DIE_AFTER: step } });
      const { run = "", because } = await requestAsOperator(stack, "rollback", "web");
      assert.notEqual(run, "", because);
      assert.equal(await dying.exited, "SIGKILL");
      stack.start("updater");
      assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
      assert.equal(await imageOf("web"), old);
      assert.deepEqual(await overview(h1), ["web running 1"]);
      assert.equal(await inside("web", "cat /data/it"), "kept");
      assert.equal((await readHold(stack, "web"))?.by, "operator");
    });
});

describe("ouroboros rollback where CLEANUP removes the image before", () => {
  after(() => h1.clean());

  it("pulls that image by its digest, and leaves the tag where it is", async () => {
    await deploy(h1, "api");
    const old = await imageOf("api");
    await using stack = await startStack({ engine: h1, env: { CLEANUP: "true" } });
    await stack.check();
    await release("apps/api", "2");
    assert.deepEqual(await update(stack), { api: "updated" });
    await assert.rejects(h1.docker.getImage(old).inspect(), { statusCode: 404 });
    assert.equal(await resultOf(stack, "rollback", "api"), "updated");
    assert.deepEqual(await overview(h1), ["api running 1"]);
    assert.equal(await imageOf("api"), old);
    assert.match((await skippedContainers(stack))["api"] ?? "", /^held: rolled back by the operator/);
    assert.equal(await resultOf(stack, "update", "api"), "updated");
    assert.deepEqual(await overview(h1), ["api running 2"]);
  });
});
