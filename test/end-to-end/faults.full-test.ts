import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, it } from "mocha";
import { type Engine, bedCommand, engine, hubControl } from "../bed/bed.ts";
import { assertLeft, deploy, idOf, overview, release } from "../support/containers.ts";
import {
  type FaultOptions,
  type FaultScene,
  shiftedClock,
  faultScene,
  holdPort,
  awaitPlanConsumer,
  addFaultRow,
  writeFaults,
} from "../support/faults.ts";
import { addParticipant } from "../support/participants.ts";
import { readHold } from "../support/runs.ts";
import { type Process, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const STOPPED = "stop the old container";
const MINUTE = 60_000;

interface Lasting {
  readonly title: string;
  /** On a host of its own, `number`. */
  readonly goesOn: (host: Engine, number: number) => Promise<void>;
}

/** The Engine of the host stands still for so many seconds. */
const hang = (number: number, seconds: number): string => {
  const pid = "$(cat /run/engine.pid)";
  return `bash "$BED_SH" on ${number} sh -c 'kill -STOP ${pid}; (sleep ${seconds}; kill -CONT ${pid}) > /dev/null 2>&1 &'`;
};

const turn = { last: Promise.resolve() as Promise<unknown> };

/** Starting is work for the machine, unlike the waiting after it: one scene after the other. */
function inTurn(options: FaultOptions): Promise<FaultScene> {
  const made = turn.last.then(() => faultScene(options));
  turn.last = made.catch(() => undefined);
  return made;
}

const lasting: readonly Lasting[] = [
  {
    title: "an Engine that hangs for longer than a stop may take is waited for",
    goesOn: async (host, number) => {
      await using scene = await inTurn({
        host,
        image: "apps/hanging",
        fault: { after: "keep the old image", run: hang(number, 75) },
        env: { DOCKER_TIMEOUT: "10" },
      });
      const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
      assert.equal(ended.end, "updated", ended.because);
      await scene.isWell("2");
      addFaultRow("Engine hangs for 75 s during the stop", "`updated` once it goes on", ended);
    },
  },
  {
    title: "an Engine that hangs when the successor is to be started is waited for, and one of the two runs",
    goesOn: async (host, number) => {
      await using scene = await inTurn({
        host,
        image: "apps/hanging-later",
        fault: { after: "park the old container's restart policy", run: hang(number, 40) },
        env: { DOCKER_TIMEOUT: "10" },
      });
      const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
      assert.equal(ended.end, "rolled_back", ended.because);
      assert.equal(await idOf(host, "web"), scene.old);
      await scene.isWell("1");
      assert.notEqual((await readHold(scene.stack, "web"))?.until, null);
      addFaultRow(
        "Engine hangs for 40 s before the start",
        "`rolled_back` once it goes on; tried again later",
        ended,
      );
    },
  },
  {
    title: "an Engine that is killed and started again while the container is down is waited for",
    goesOn: async (host, number) => {
      const bed = (verb: string): string => `bash "$BED_SH" ${verb} ${number}`;
      await using scene = await inTurn({
        host,
        image: "apps/killed",
        fault: { after: STOPPED, run: `${bed("kill")}; (sleep 1.5; ${bed("start")}) > /dev/null 2>&1 &` },
      });
      const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
      assert.equal(ended.end, "rolled_back", ended.because);
      assert.match(ended.because, /^"move the old container's name aside" failed: /);
      assert.equal(await idOf(host, "web"), scene.old);
      await scene.isWell("1");
      assert.notEqual((await readHold(scene.stack, "web"))?.until, null, "the image is not to blame");
      addFaultRow(
        "Engine killed and started again while it is down",
        "`rolled_back`; tried again later",
        ended,
      );
    },
  },
  {
    title: "NATS that is away is not waited for: a bad image is put back, and tried once only",
    goesOn: async (host) => {
      const image = "apps/bad-alone";
      await using scene = await inTurn({ host, image, next: { cmd: "exit 7" }, env: { SETTLE_TIME: "2s" } });
      const { stack } = scene;
      const run = await scene.plan();
      await isSwapped(scene);
      await stack.server.kill("SIGKILL");
      await until("the old one runs", async () => (await overview(host)).join() === "web running 1", {
        within: MINUTE,
      });
      await sleep(6000); // longer than a request to NATS is waited for
      await stack.server.restart();
      const ended = await scene.outcome(run, 4 * MINUTE);
      assert.equal(ended.end, "rolled_back", ended.because);
      assert.match(ended.because, /exited with code 7/);
      assert.equal(await idOf(host, "web"), scene.old);
      assert.equal((await readHold(stack, "web"))?.tries, 1);
      assert.equal(stack.records.filter(({ kind }) => kind === "swapping").length, 1);
      await scene.isWell("1");
      const happens = "`rolled_back` at once; held when NATS is back, never tried twice";
      addFaultRow("NATS away while a bad image is put back", happens, ended);
    },
  },
  {
    title: "an event that nobody has taken yet when the NATS store is lost is given again",
    goesOn: async (host) => {
      await using scene = await inTurn({ host, image: "apps/untaken" });
      const { stack } = scene;
      await stack.script("updates_enumerated/slow", "#!/bin/sh\nsleep 0.5\n");
      const run = await scene.plan();
      await until("the plan is agreed to", () => stack.records.some(({ kind }) => kind === "decided"));
      stack.services["hook-executor"]?.kill("SIGKILL");
      await stack.services["hook-executor"]?.exited;
      await until("it is waited for", () => stack.heard().includes("before_update web"));
      await stack.server.restartEmpty();
      await awaitPlanConsumer(stack);
      stack.start("hook-executor");
      const ended = await scene.outcome(run, 4 * MINUTE);
      assert.equal(ended.end, "updated", ended.because);
      await scene.isWell("2");
      addFaultRow(
        "NATS store lost with an event nobody had taken",
        "`updated`: the event is given again",
        ended,
      );
    },
  },
  {
    title: "NATS away for a minute while a container is down costs it nothing",
    goesOn: async (host) => {
      await using scene = await inTurn({ host, image: "apps/alone", env: { SETTLE_TIME: "2s" } });
      const run = await scene.plan();
      await isSwapped(scene);
      await scene.stack.server.kill("SIGKILL");
      await sleep(MINUTE);
      assert.ok((await overview(host)).includes("web running 2"));
      await scene.stack.server.restart();
      const ended = await scene.outcome(run, 4 * MINUTE);
      assert.equal(ended.end, "updated", ended.because);
      await scene.isWell("2");
      const happens = "`updated`: the swap does not wait for NATS, the record does";
      addFaultRow("NATS away for 60 s while it is down", happens, ended);
    },
  },
  {
    title: "NATS that is connected but does not answer for a minute costs it nothing",
    goesOn: async (host) => {
      await using scene = await inTurn({ host, image: "apps/unheard", env: { SETTLE_TIME: "2s" } });
      const run = await scene.plan();
      await isSwapped(scene);
      process.kill(scene.stack.server.pid, "SIGSTOP");
      await sleep(MINUTE);
      assert.ok((await overview(host)).includes("web running 2"));
      process.kill(scene.stack.server.pid, "SIGCONT");
      const ended = await scene.outcome(run, 4 * MINUTE);
      assert.equal(ended.end, "updated", ended.because);
      await scene.isWell("2");
      addFaultRow(
        "NATS connected but silent for 60 s while it is down",
        "`updated`: the swap does not wait for it",
        ended,
      );
    },
  },
  {
    title: "a host that is cut off in the middle of a swap does not need the network",
    goesOn: async (host, number) => {
      const cable = (way: string): string => `bash "$BED_SH" ${way} ${number}`;
      await using scene = await inTurn({
        host,
        image: "apps/cut-off",
        fault: { after: STOPPED, run: `${cable("unplug")}; (sleep 20; ${cable("plug")}) > /dev/null 2>&1 &` },
      });
      const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
      assert.equal(ended.end, "updated", ended.because);
      await scene.isWell("2");
      addFaultRow(
        "host unplugged for 20 s in the middle of the swap",
        "`updated`: all that it needs is there",
        ended,
      );
    },
  },
  {
    title: "a host that is cut off before the pull touches nothing, and says so",
    goesOn: async (host, number) => {
      await using scene = await inTurn({ host, image: "apps/unreached" });
      await bedCommand("unplug", String(number));
      try {
        const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
        assert.equal(ended.end, "failed", ended.because);
        assert.match(ended.because, /^registry\.lab:5000\/apps\/unreached:latest could not be pulled: /);
        assert.equal(await idOf(host, "web"), scene.old);
        await scene.isWell("1");
        addFaultRow(
          "host unplugged before the pull",
          "`failed`: nothing is touched; tried again later",
          ended,
        );
      } finally {
        await bedCommand("plug", String(number));
      }
    },
  },
  {
    title: "an address that another container takes while the container is down is waited for, like a port",
    goesOn: async (host, number) => {
      await host.docker.createNetwork({ Name: "fixed", IPAM: { Config: [{ Subnet: "10.213.7.0/24" }] } });
      const docker = `bash "$BED_SH" docker ${number}`;
      const steal = `${docker} run -d --name thief --network fixed --ip 10.213.7.9 registry.lab:5000/apps/homeless:latest > /dev/null`;
      await using scene = await inTurn({
        host,
        image: "apps/homeless",
        create: {
          HostConfig: { NetworkMode: "fixed" },
          NetworkingConfig: { EndpointsConfig: { fixed: { IPAMConfig: { IPv4Address: "10.213.7.9" } } } },
        },
        fault: { after: STOPPED, run: steal },
      });
      const run = await scene.plan();
      const log = () => scene.stack.services.updater?.log() ?? "";
      await until("the old one cannot be started", () => /not undone yet/.test(log()), { within: MINUTE });
      await host.docker.getContainer("thief").remove({ force: true });
      const ended = await scene.outcome(run, 4 * MINUTE);
      assert.equal(ended.end, "rolled_back", ended.because);
      assert.match(ended.because, /^"start the successor" failed: .*[Aa]ddress already in use/);
      assert.equal(await idOf(host, "web"), scene.old);
      await scene.isWell("1", [`${host.name}: network fixed`]);
      const happens = "`rolled_back`: the old one is started as soon as it is free; tried again later";
      addFaultRow("static address taken until the old one has missed it", happens, ended);
    },
  },
  {
    title: "a wall clock that is a day ahead of NATS' and the Engine's changes nothing",
    goesOn: async (host) => {
      const env = { NODE_OPTIONS: `--import=${shiftedClock}`, CLOCK_SHIFT: String(86_400_000) };
      await using scene = await inTurn({ host, image: "apps/ahead", env });
      const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
      assert.equal(ended.end, "updated", ended.because);
      await scene.isWell("2");
      addFaultRow("clock a day ahead", "`updated`", ended);
    },
  },
  {
    title: "a registry that stays cut in the middle of a layer touches nothing",
    goesOn: async (host) => {
      const image = "docker.io/library/torn";
      const big = { "/big": randomBytes(400_000).toString("hex") };
      await using scene = await inTurn({ host, image, next: { files: big } });
      await using _cut = await hubControl.faults([
        { match: "GET .*/library/torn/blobs/", slow: 1 << 20, cut: true },
      ]);
      const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
      assert.equal(ended.end, "failed", ended.because);
      assert.match(ended.because, /could not be pulled/);
      assert.equal(await idOf(host, "web"), scene.old);
      await scene.isWell("1");
      const happens = "`failed` when the Engine gives up: nothing is touched; tried again later";
      addFaultRow("registry cut in the middle of a layer, again and again", happens, ended);
    },
  },
  {
    title:
      "a port that is not given back ends stuck, with what to do; the next start does it once it is free",
    goesOn: async (host, number) => {
      await using scene = await inTurn({
        host,
        image: "apps/robbed",
        create: {
          ExposedPorts: { "80/tcp": {} },
          HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } },
        },
        fault: { after: STOPPED, run: holdPort(8080, 150, number) },
      });
      const ended = await scene.outcome(await scene.plan(), 4 * MINUTE);
      assert.equal(ended.end, "stuck", ended.because);
      assert.match(ended.because, /8080.*[Bb]y hand: .*start it/s);
      const { updater } = scene.stack.services;
      updater?.kill("SIGTERM");
      assert.equal(await updater?.exited, 0);
      scene.stack.start("updater");
      await until("the old one runs", async () => (await overview(host)).join() === "web running 1", {
        within: MINUTE,
      });
      assert.equal(await idOf(host, "web"), scene.old);
      await scene.isWell("1");
      const happens =
        "`stuck` after two minutes of trying, with what to do by hand; the next start of the updater does it";
      addFaultRow("port taken for 150 s", happens, ended);
    },
  },
  {
    title: "NATS that stays away while dependencies are stopped leaves them down for five minutes at most",
    goesOn: async (host) => {
      const dependency = await deploy(host, "db", { image: "apps/db-of-cut-off" });
      const create = { Labels: { "com.ouroboros.depends_on": "db" } };
      await using scene = await inTurn({ host, image: "apps/cut-off", create });
      const { stack } = scene;
      const hook = "before_start_depends_container";
      await stack.script(`${hook}/slow`, "#!/bin/sh\nsleep 60\n");
      const run = await scene.plan();
      await until("it is asked about", () => stack.heard().includes(`${hook} db`), { within: MINUTE });
      await stack.server.kill("SIGKILL");
      const from = performance.now();
      assert.ok((await overview(host)).includes("db exited 1"));
      await until("db runs", async () => (await overview(host)).includes("db running 1"), {
        within: 6 * MINUTE,
      });
      const back = Math.round((performance.now() - from) / 1000);
      assert.ok(back >= 290, `NATS was given up after ${back} s`);
      await stack.server.restart();
      const ended = await scene.outcome(run, 4 * MINUTE);
      assert.equal(ended.end, "updated", ended.because);
      assert.deepEqual(await overview(host), ["db running 1", "web running 2"]);
      assert.equal(await idOf(host, "db"), dependency);
      const happens =
        "the dependencies are started without it after 5 minutes; the run goes on when it is back";
      addFaultRow("NATS away while dependencies are stopped", happens, ended);
    },
  },
];

const isSwapped = ({ host }: FaultScene) =>
  until("it is swapped", async () => (await overview(host)).some((one) => one.includes(".ouroboros-old-")));

const FIRST_HOST = 11;

/** Side by side, for most of it is waiting. */
describe("faults that last", function () {
  this.timeout(10 * MINUTE);
  const numbers = lasting.map((_, i) => FIRST_HOST + i);
  let over: PromiseSettledResult<void>[] = [];

  before(async () => {
    for (const number of numbers) {
      await bedCommand("boot", String(number), "28");
      await engine(number).clean();
    }
    over = await Promise.allSettled(
      lasting.map(({ goesOn }, i) => goesOn(engine(FIRST_HOST + i), FIRST_HOST + i)),
    );
  });
  after(async () => {
    for (const number of numbers) {
      await engine(number).clean();
      await bedCommand("cut", String(number));
    }
    await writeFaults();
  });

  for (const [i, { title }] of lasting.entries())
    it(title, () => {
      const ended = over[i];
      if (ended?.status !== "fulfilled") throw ended?.reason;
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
      NODE_OPTIONS: `--import=${shiftedClock}`,
      CLOCK_SPEED: String(SPEED),
      CLOCK_EPOCH: String(Date.now()),
    };
    const since = Math.floor(Date.now() / 1000);
    await using stack = await startStack({ engine: h1, services: [], env: fast });
    stack.start("updater");
    stack.start("hook-executor");
    await until("the updater acts", () => stack.services.updater?.log().includes("acts on the host"));
    await using judge = await addParticipant(stack, "judge", { hooks: ["before_update"] }, ({ subject }) =>
      subject === "late" ? { verdict: "defer", reason: "not now" } : "proceed",
    );
    const labels = { generation: "2" };
    await release("apps/bad", "2", { cmd: "exit 7", labels });
    await release("docker.io/library/cut", "2");
    await release("apps/late", "2");
    await using _faults = await hubControl.faults([{ match: "GET .*/library/cut/blobs/", status: 404 }]);
    const poller = stack.start("poller", { env: { INTERVAL: "300", CLOCK_SLEEPS: "fast" } });
    const cyclesOf = (): number =>
      poller.log().split(/"msg":"(?:cycle ended|plan published|plan waits for the updater)"/).length - 1;
    const memory = async (): Promise<number[]> => Promise.all([stack.services.updater, poller].map(rssOf));
    await until("an hour and a half is over", () => cyclesOf() >= 18, { within: 5 * MINUTE });
    const early = await memory();
    await until("a day is over", () => cyclesOf() >= 288, { within: 9 * MINUTE });
    const late = await memory();

    const starts = await startsOf(h1, { since, label: "generation=2" });
    const tries = [(await readHold(stack, "cut"))?.tries ?? 0, (await readHold(stack, "late"))?.tries ?? 0];
    const runs = stack.records.filter(({ kind }) => kind === "finished").length;
    const growth = late.map((kib, i) => Math.round((kib - (early[i] ?? 0)) / 1024));
    assert.equal((await readHold(stack, "bad"))?.until, null);
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
    await assertLeft(h1, [], (thing) => !thing.includes(": container "));
    for (const service of Object.values(stack.services)) assert.equal(service.stderrText(), "");
    addFaultRow(
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
