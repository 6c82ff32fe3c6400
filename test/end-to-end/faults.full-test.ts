import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { after, afterEach, describe, it } from "mocha";
import { type Engine, engine, hubControl, leftovers } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { clock, faultScene, holdPort, tell, writeFaults } from "../support/faults.ts";
import { participate } from "../support/participants.ts";
import { held } from "../support/runs.ts";
import { type Process, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const STOPPED = "stop the old container";
const MINUTE = 60_000;

describe("faults that last", function () {
  this.timeout(10 * MINUTE);
  afterEach(() => h1.clean());
  after(writeFaults);

  it("an Engine that hangs for longer than a stop may take is waited for", async () => {
    const pause =
      "kill -STOP $(cat /run/engine.pid); (sleep 75; kill -CONT $(cat /run/engine.pid)) > /dev/null 2>&1 &";
    await using scene = await faultScene({
      fault: { after: "create the successor", run: `bash "$BED_SH" on 1 sh -c '${pause}'` },
      env: { DOCKER_TIMEOUT: "10" },
    });
    const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
    tell("Engine hangs for 75 s during the stop", "`updated` once it goes on", ended);
  });

  it("NATS away for a minute while a container is down costs it nothing", async () => {
    await using scene = await faultScene({ env: { SETTLE_TIME: "2s" } });
    const run = await scene.plan();
    await until("it is swapped", async () =>
      (await overview(h1)).some((one) => one.includes(".ouroboros-old-")),
    );
    await scene.stack.server.kill("SIGKILL");
    await sleep(MINUTE);
    assert.ok((await overview(h1)).includes("web running 2"));
    await scene.stack.server.restart();
    const ended = await scene.outcome(run, MINUTE);
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
    tell(
      "NATS away for 60 s while it is down",
      "`updated`: the swap does not wait for NATS, the record does",
      ended,
    );
  });

  it("a port that is not given back ends stuck, with what to do; the next start does it once the port is free", async () => {
    await using scene = await faultScene({
      create: {
        ExposedPorts: { "80/tcp": {} },
        HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } },
      },
      fault: { after: STOPPED, run: holdPort(8080, 150) },
    });
    const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
    assert.equal(ended.end, "stuck", ended.because);
    assert.match(ended.because, /8080.*[Bb]y hand: .*start it/s);
    const { updater } = scene.stack.services;
    updater?.kill("SIGTERM");
    assert.equal(await updater?.exited, 0);
    scene.stack.start("updater");
    await until("the old one runs", async () => (await overview(h1)).join() === "web running 1", {
      within: MINUTE,
    });
    assert.equal(await idOf(h1, "web"), scene.old);
    await scene.isWell("1");
    tell(
      "port taken for 150 s",
      "`stuck` after two minutes of trying, with what to do by hand; the next start of the updater does it",
      ended,
    );
  });
});

describe("a day of 288 cycles at high speed", function () {
  this.timeout(10 * MINUTE);
  const SPEED = 600;
  after(async () => {
    await h1.clean();
    await writeFaults();
  });

  it("with images that do not work neither loops nor grows", async () => {
    await deploy(h1, "bad", { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
    await deploy(h1, "cut", { image: "docker.io/library/cut" });
    await deploy(h1, "late");
    const fast = {
      NODE_OPTIONS: `--import=${clock}`,
      CLOCK_SPEED: String(SPEED),
      CLOCK_EPOCH: String(Date.now()),
    };
    const since = Math.floor(Date.now() / 1000);
    await using stack = await startStack({ engine: h1, services: [], env: fast });
    stack.start("updater");
    stack.start("hook-executor");
    await until("the updater acts", () => stack.services.updater?.log().includes("acts on the host"));
    await using judge = await participate(stack, "judge", { hooks: ["before_update"] }, ({ subject }) =>
      subject === "late" ? { verdict: "defer", reason: "not now" } : "proceed",
    );
    const labels = { generation: "2" };
    await release("apps/bad", "2", { cmd: "exit 7", labels });
    await release("docker.io/library/cut", "2");
    await release("apps/late", "2");
    await using _faults = await hubControl.faults([{ match: "GET .*/library/cut/blobs/", status: 404 }]);
    const poller = stack.start("poller", { env: { INTERVAL: "300", CLOCK_SLEEPS: "fast" } });
    const cyclesOf = (): number => poller.log().split(/"msg":"(?:cycle ended|plan published)"/).length - 1;
    const memory = async (): Promise<number[]> => Promise.all([stack.services.updater, poller].map(rssOf));
    await until("an hour and a half is over", () => cyclesOf() >= 18, { within: 5 * MINUTE });
    const early = await memory();
    await until("a day is over", () => cyclesOf() >= 288, { within: 9 * MINUTE });
    const late = await memory();

    const starts = await startsOf(h1, { since, label: "generation=2" });
    const tries = [(await held(stack, "cut"))?.tries ?? 0, (await held(stack, "late"))?.tries ?? 0];
    const runs = stack.records.filter(({ kind }) => kind === "finished").length;
    const growth = late.map((kib, i) => Math.round((kib - (early[i] ?? 0)) / 1024));
    assert.equal((await held(stack, "bad"))?.until, null);
    assert.ok(starts <= 3, `the bad image was started ${starts} times`); // its restart policy adds to the one start
    assert.ok(
      tries.every((n) => n >= 2 && n <= 11),
      `tries: ${tries.join()}`,
    );
    assert.ok(runs <= 23, `${runs} runs`);
    assert.ok(judge.asked.filter((one) => one.endsWith("late")).length <= 11);
    assert.ok(
      growth.every((mib) => mib < 40),
      `grew by ${growth.join(" and ")} MiB`,
    );
    assert.deepEqual(await overview(h1), ["bad running 1", "cut running 1", "late running 1"]);
    assert.deepEqual(
      (await leftovers(h1)).filter((one) => !one.includes(": container ")),
      [],
    );
    for (const service of Object.values(stack.services)) assert.equal(service.complaints(), "");
    tell(
      `a day of ${cyclesOf()} cycles with an image that exits, one that cannot be pulled, and one that is put off`,
      `the first is started ${times(starts)} and held; the others are tried ${tries.join(" and ")} times; ${runs} runs, ` +
        `${stack.records.length} journal records; updater and poller grow by ${growth.join(" and ")} MiB; no volume, no container more`,
    );
  });
});

const times = (n: number): string => (n === 1 ? "once" : `${n} times`);

/** Resident memory in KiB. */
async function rssOf(process: Process | undefined): Promise<number> {
  const status = await readFile(`/proc/${process?.pid ?? 0}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
}

async function startsOf(
  { docker }: Engine,
  { since, label }: { since: number; label: string },
): Promise<number> {
  const filters = { type: ["container" as const], event: ["start"], label: [label] };
  const stream = await docker.getEvents({ since, until: Math.floor(Date.now() / 1000), filters });
  let text = "";
  for await (const chunk of stream as unknown as AsyncIterable<Buffer>) text += chunk.toString();
  return text.split("\n").filter((line) => line !== "").length;
}
