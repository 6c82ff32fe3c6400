import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { after, afterEach, before, describe, it } from "mocha";
import { bedCommand, engine, hubControl } from "../bed/bed.ts";
import { idOf } from "../support/containers.ts";
import { shiftedClock, faultScene, holdPort, addFaultRow, writeFaults } from "../support/faults.ts";
import { readHold } from "../support/runs.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const run = promisify(execFile);
const h1 = engine(1);
const STOPPED = "stop the old container";

after(writeFaults);
const PUBLISHED = {
  ExposedPorts: { "80/tcp": {} },
  HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } },
};

describe("the Engine", () => {
  afterEach(() => h1.clean());

  it("that hangs during a stop is waited for", async () => {
    const pause =
      "kill -STOP $(cat /run/engine.pid); (sleep 3; kill -CONT $(cat /run/engine.pid)) > /dev/null 2>&1 &";
    await using scene = await faultScene({
      fault: { after: "look for dependants", run: `bash "$BED_SH" on 1 sh -c '${pause}'` },
    });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
    addFaultRow("Engine hangs for 3 s during the stop", "`updated`", ended);
  });
});

describe("a port that a third process takes while the container is down", () => {
  afterEach(() => h1.clean());

  itInFullRun("is waited for: the old container is tried until it is free, and runs again", async () => {
    await using scene = await faultScene({
      create: PUBLISHED,
      fault: { after: STOPPED, run: holdPort(8080, 12) },
    });
    const ended = await scene.outcome(await scene.plan(), 90_000);
    assert.equal(ended.end, "rolled_back", ended.because);
    assert.match(ended.because, /^"start the successor" failed: .*8080/);
    assert.equal(await idOf(h1, "web"), scene.old);
    await scene.isWell("1");
    assert.notEqual((await readHold(scene.stack, "web"))?.until, null);
    addFaultRow(
      "port taken for 12 s",
      "`rolled_back`: the old one is started as soon as it is free; tried again later",
      ended,
    );
  });
});

describe("a disk that is full", () => {
  const h9 = engine(9);
  const fill = "dd if=/dev/zero of=/var/lib/docker/fill bs=16k 2> /dev/null";
  const free = "rm -f /var/lib/docker/fill";
  const on9 = (command: string): string => `bash "$BED_SH" on 9 sh -c '${command}'`;

  before(async () => {
    await bedCommand("disk", "9", "24");
    await bedCommand("boot", "9", "28");
  });
  afterEach(async () => {
    await bedCommand("on", "9", "sh", "-c", free);
    await h9.clean();
  });
  after(() => bedCommand("cut", "9"));

  itInFullRun("during the pull touches nothing, and says so", async () => {
    await using scene = await faultScene({ host: h9 });
    await bedCommand("on", "9", "sh", "-c", `${fill} || true`);
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "failed", ended.because);
    assert.match(
      ended.because,
      /^registry\.lab:5000\/apps\/web:latest could not be pulled: .*no space left on device/,
    );
    assert.equal(await idOf(h9, "web"), scene.old);
    await scene.isWell("1");
    addFaultRow("disk full at the pull", "`failed`: nothing is touched; tried again later", ended);
  });

  itInFullRun("when the successor is created touches nothing, and says so", async () => {
    await using scene = await faultScene({
      host: h9,
      fault: { before: "create the successor", run: on9(`${fill} || true`) },
    });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "failed", ended.because);
    assert.match(ended.because, /^"create the successor" failed: .*no space left on device/);
    assert.equal(await idOf(h9, "web"), scene.old);
    await scene.isWell("1");
    addFaultRow("disk full at create", "`failed`: nothing is touched; tried again later", ended);
  });

  it("while the container is down puts the old one back, with its name as soon as there is space", async () => {
    const run = on9(`${fill}; (sleep 10; ${free}) > /dev/null 2>&1 &`);
    await using scene = await faultScene({ host: h9, fault: { after: STOPPED, run } });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "rolled_back", ended.because);
    assert.match(ended.because, /no space left on device/);
    assert.equal(await idOf(h9, "web"), scene.old);
    await scene.isWell("1");
    addFaultRow(
      "disk full while it is down, for 10 s",
      "`rolled_back`: the old one runs again, and is tried until it does",
      ended,
    );
  });
});

describe("a DATA_DIR that is full while the updater runs", () => {
  afterEach(() => h1.clean());

  it("stops nothing, and says so", async () => {
    await using dir = await smallFolder();
    const fill = join(dir.path, "fill");
    await using scene = await faultScene({
      env: { DATA_DIR: dir.path },
      fault: { before: "create the successor", run: `dd if=/dev/zero of=${fill} bs=4k 2> /dev/null || true` },
    });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "failed", ended.because);
    assert.match(
      ended.because,
      /^"create the successor" failed: the snapshot of web .* DATA_DIR .*: make room there$/,
    );
    assert.equal(await idOf(h1, "web"), scene.old);
    await scene.isWell("1");
    addFaultRow(
      "DATA_DIR full while the updater runs",
      "`failed`: nothing is stopped; tried again later",
      ended,
    );
  });
});

/** A file system of its own. */
async function smallFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "small-"));
  await run("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", path]);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await run("umount", ["--lazy", path]);
      await rm(path, { recursive: true });
    },
  };
}

describe("a network that fails", () => {
  afterEach(() => h1.clean());

  itInFullRun("in the middle of a layer is tried again by the Engine, and the update is done", async () => {
    const big = { "/big": randomBytes(400_000).toString("hex") };
    await using scene = await faultScene({ image: "docker.io/library/web", next: { files: big } });
    await using _cut = await hubControl.faults([
      { match: "GET .*/library/web/blobs/", slow: 1 << 20, cut: true, times: 1 },
    ]);
    await hubControl.clearLog();
    const ended = await scene.outcome(await scene.plan());
    assert.ok(
      (await hubControl.log()).some(({ path, status }) => path.includes("/blobs/") && status === "cut"),
    );
    assert.ok(["updated", "failed"].includes(ended.end), ended.because);
    await scene.isWell(ended.end === "updated" ? "2" : "1");
    addFaultRow("registry cut in the middle of a layer", `\`${ended.end}\``, ended);
  });
});

describe("a wall clock", () => {
  afterEach(() => h1.clean());

  itInFullRun(
    "that is a day behind of NATS' and the Engine's after a restart in the middle changes nothing",
    async () => {
      await using scene = await faultScene();
      const { stack } = scene;
      await stack.script("before_update/slow", "#!/bin/sh\nsleep 1.5\n");
      const run = await scene.plan();
      await until("it is waited for", () => stack.heard().includes("before_update web"));
      stack.services.updater?.kill("SIGKILL");
      await stack.services.updater?.exited;
      stack.start("updater", {
        env: { NODE_OPTIONS: `--import=${shiftedClock}`, CLOCK_SHIFT: String(-86_400_000) },
      });
      const ended = await scene.outcome(run);
      assert.equal(ended.end, "updated", ended.because);
      await scene.isWell("2");
      addFaultRow("clock set back by a day, and a restart in the middle", "`updated`", ended);
    },
  );
});

describe("two updaters that start at once on one host", () => {
  afterEach(() => h1.clean());

  itInFullRun("do the work of one", async () => {
    await using scene = await faultScene();
    const { stack } = scene;
    const first = stack.services.updater;
    const second = stack.start("updater");
    const run = await scene.plan();
    const ended = await scene.outcome(run);
    assert.equal(ended.end, "updated", ended.because);
    assert.equal(stack.records.filter(({ kind }) => kind === "swapping").length, 1);
    assert.deepEqual([first?.stderrText(), second.stderrText()], ["", ""]);
    await scene.isWell("2");
    addFaultRow("two updaters on one host", "`updated`, by one of them", ended);
  });
});
