// What becomes of a question when a participant, the updater or NATS fails while it is waited for: each fault with its
// figure, for the table of docs/reliability.md. Those of a cluster and of a leaf node are in files of their own.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { after, afterEach, before, describe, it } from "mocha";
import type { CloudEvent } from "../../shared/contract/messages.ts";
import type { DecisionRecord, UpdateResult, RunRecord } from "../../shared/contract/run-records.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { gateTable, seconds } from "../support/gate-table.ts";
import { type RegisteredParticipant, runOuroboros, addParticipant } from "../support/participants.ts";
import { awaitResults, requestPlan, update } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { testProgram } from "../support/test-programs.ts";

const h1 = engine(1);
const dyingUpdater = testProgram("updater-crashing-at-send");
const example = join(import.meta.dirname, "../../../examples/participants/participant.py");

const { addRow, write } = gateTable("gate");
after(write);

/** What the participant of a container's name does; the others say proceed. */
interface Behaviour {
  readonly fault: string;
  readonly happens: string;
  readonly flags?: readonly string[];
  readonly answer: (
    stack: Stack,
    event: CloudEvent,
    subject: string,
    progress: () => void,
  ) => Promise<unknown>;
  readonly end: UpdateResult;
  /** Milliseconds from the event to what counts, at least and at most. */
  readonly takes: readonly [least: number, most: number];
}

const SHORT = ["--timeout", "2s"];
const SLOW = 30_000;

const behaviours: Readonly<Record<string, Behaviour>> = {
  slow: {
    fault: "participant slow, with progress",
    happens: "waited for beyond its time-out of 2 s, and heard",
    flags: SHORT,
    answer: async (_stack, _event, _subject, progress) => {
      for (let n = 0; n < 12; n++) {
        progress();
        await sleep(500);
      }
      return "proceed";
    },
    end: "updated",
    takes: [6000, SLOW],
  },
  silent: {
    fault: "participant slow, without progress",
    happens: "out of time after its time-out of 2 s: `deferred`",
    flags: SHORT,
    answer: () => Promise.resolve(undefined),
    end: "deferred",
    takes: [2000, SLOW],
  },
  twice: {
    fault: "participant answers twice, and differently",
    happens: "the first answer counts",
    answer: async ({ nats }, _event, subject) => {
      await jetstream(nats).publish(subject, "proceed");
      await jetstream(nats).publish(subject, "proceed");
      return "refuse: on second thoughts";
    },
    end: "updated",
    takes: [0, SLOW],
  },
  late: {
    fault: "participant answers after its time was over",
    happens: "its time-out counts (here `proceed`); the answer is recorded as late",
    flags: [...SHORT, "--on-timeout", "proceed"],
    answer: async (stack, { id }) => {
      await until("it is decided", () =>
        stack.records.some((one) => one.kind === "decided" && one.event === id),
      );
      return "refuse: too late";
    },
    end: "updated",
    takes: [2000, SLOW],
  },
  garbage: {
    fault: "participant says 1,000 things that are no verdict first",
    happens: "read past; its verdict counts",
    answer: ({ nats }, _event, subject) => {
      for (let n = 0; n < 1000; n++)
        nats.publish(subject, n % 2 === 0 ? "no" : `{"verdict":"${"x".repeat(n)}"}`);
      return Promise.resolve({ verdict: "refuse", reason: "at last" });
    },
    end: "refused",
    takes: [0, SLOW],
  },
};

describe("a participant that fails", function () {
  this.timeout(180_000);
  const names = Object.keys(behaviours);
  let stack: Stack;
  let asked: RegisteredParticipant[];
  let ends: Record<string, UpdateResult>;

  before(async () => {
    for (const name of names) await deploy(h1, name);
    stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES, env: { SWAPS: "4" } });
    await stack.check();
    asked = await Promise.all(
      Object.entries(behaviours).map(([name, { flags = [], answer }]) =>
        addParticipant(
          stack,
          name,
          { hooks: ["before_update"], flags: ["--containers", name, ...flags] },
          (event, tools) =>
            event.subject === name ? answer(stack, event, tools.verdictSubject, tools.progress) : undefined,
        ),
      ),
    );
    for (const name of names) await release(`apps/${name}`, "2");
    ends = await update(stack);
  });
  after(async () => {
    for (const one of asked) await one[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  for (const [name, { fault, happens, end, takes }] of Object.entries(behaviours))
    it(`${fault}: ${happens}`, () => {
      assert.equal(ends[name], end);
      const ms = msOf(stack, name, name);
      assert.ok(ms >= takes[0] && ms <= takes[1], `it took ${ms} ms`);
      addRow(fault, happens, `heard after ${seconds(ms)}`);
    });
});

describe("a participant", function () {
  this.timeout(180_000);
  afterEach(() => h1.clean());

  it("that is offline when it is asked answers when it is back", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.check();
    const { code, err } = await runOuroboros(
      stack,
      "participant",
      "add",
      "judge",
      "--hooks",
      "before_update",
    );
    assert.equal(code, 0, err);
    await release("apps/web", "2");
    const run = await requestPlan(stack);
    await isWaiting(stack, "before_update");
    await sleep(5000);
    const back = performance.now();
    const judge = answerAs(stack, "judge");
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
    await judge.end();
    const ms = msOf(stack, "web", "judge");
    assert.ok(ms >= 5000);
    addRow(
      "participant offline when it is asked, for 5 s",
      "the event waits for it",
      `heard after ${seconds(ms)}; updated ${seconds(performance.now() - back)} after it was back`,
    );
  });

  it("that is killed while it works is asked again, and heard", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.check();
    const { code, err } = await runOuroboros(
      stack,
      "participant",
      "add",
      "judge",
      "--hooks",
      "before_update",
    );
    assert.equal(code, 0, err);
    const killed = answerAs(stack, "judge", "sleep 600");
    await release("apps/web", "2");
    const run = await requestPlan(stack);
    const manager = await jetstreamManager(stack.nats);
    await until("it works", async () => {
      const info = await manager.consumers.info(STREAMS.hooks, consumers.gate("judge"));
      return info.num_ack_pending === 1;
    });
    await killed.end();
    const judge = answerAs(stack, "judge");
    assert.deepEqual(await awaitResults(stack, run, 90_000), { web: "updated" });
    await judge.end();
    addRow(
      "participant killed (SIGKILL) while it works",
      "the event comes again to the next process, as nobody acknowledged it",
      `heard after ${seconds(msOf(stack, "web", "judge"))}`,
    );
  });
});

describe("an updater that is killed while a gate waits", function () {
  this.timeout(580_000);
  afterEach(() => h1.clean());

  it("at every message that it sends between the question and the decision, goes on with the same event", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, services: ["hook-executor", "poller"] });
    await using judge = await addParticipant(stack, "judge", { hooks: ["before_update"] }, async () => {
      await sleep(200); // so that it reads before there is anything to read
      return "proceed";
    });
    const took: number[] = [];
    let deaths = 0;
    for (let n = 1, died = true; died; n++) {
      const dying = stack.start("updater", { program: dyingUpdater, env: { DIE_AT_SEND: String(n) } });
      await release("apps/web", String(n + 1));
      const run = await requestPlan(stack);
      died = await Promise.race([
        dying.exited.then(() => true),
        awaitResults(stack, run, 60_000).then(() => false),
      ]);
      const began = performance.now();
      if (died) stack.start("updater");
      assert.deepEqual(await awaitResults(stack, run, 60_000), { web: "updated" }, `killed at message ${n}`);
      if (died) took.push(performance.now() - began);
      deaths += died ? 1 : 0;
      const mine = judge.events.filter(({ id }) => id.startsWith(run));
      assert.equal(mine.length, 1, `killed at message ${n}, the judge was asked ${mine.length} times`);
      const decided = stack.records.filter(
        (one) => one.run === run && one.kind === "decided" && one.hook === "before_update",
      );
      assert.equal(decided.length, 1);
      const { updater } = stack.services;
      updater?.kill("SIGKILL");
      await updater?.exited;
    }
    assert.ok(deaths >= 4, `it died ${deaths} times only`);
    addRow(
      `updater killed (SIGKILL) while a gate waits, at each of the ${deaths} messages that it sends`,
      "the next one goes on with the same event; nobody is asked twice",
      `updated ${seconds(Math.max(...took))} after its start at most`,
    );
  });
});

describe("NATS that fails while a gate waits", function () {
  this.timeout(240_000);
  afterEach(() => h1.clean());

  const faults: readonly (readonly [
    fault: string,
    happens: string,
    fail: (stack: Stack) => Promise<void>,
  ])[] = [
    [
      "NATS restarted",
      "waited for; the verdict counts",
      async ({ server }) => {
        await server.kill("SIGTERM");
        await server.restart();
      },
    ],
    [
      "NATS killed (SIGKILL), back after 3 s",
      "waited for; the verdict counts",
      async ({ server }) => {
        await server.kill("SIGKILL");
        await sleep(3000);
        await server.restart();
      },
    ],
    [
      "NATS away for 60 s",
      "waited for; the verdict counts",
      async ({ server }) => {
        await server.kill("SIGKILL");
        await sleep(60_000);
        await server.restart();
      },
    ],
  ];
  for (const [fault, happens, fail] of faults)
    it(`${fault}: ${happens}`, async () => {
      await using scene = await waitingScene();
      const { stack, run } = scene;
      await fail(stack);
      const back = performance.now();
      scene.letGo();
      assert.deepEqual(await awaitResults(stack, run, 90_000), { web: "updated" });
      await scene.askedOnce();
      addRow(fault, happens, `updated ${seconds(performance.now() - back)} after it was back`);
    });

  it("a connection whose packets are dropped is given up, and another one hears the verdict", async () => {
    await using scene = await waitingScene();
    const { stack, run } = scene;
    const began = performance.now();
    await using _dropped = await dropPackets(stack);
    scene.letGo();
    assert.deepEqual(await awaitResults(stack, run, 120_000), { web: "updated" });
    await scene.askedOnce();
    assert.match(stack.services.updater?.log() ?? "", /connected to NATS again/);
    addRow(
      "half-open connection: every packet of the updater's connection dropped",
      "noticed by pings, connected anew; the verdict counts",
      `updated ${seconds(performance.now() - began)} after`,
    );
  });

  it("a consumer that somebody deletes is made again: plans go on, and so do local scripts", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.check();
    await until("the updater acts", () => stack.services.updater?.log().includes("acts on the host"));
    const manager = await jetstreamManager(stack.nats);
    const began = performance.now();
    for (const durable of [consumers.updater(stack.host), consumers.gate(`exec_${stack.host}`)])
      await manager.consumers.delete(STREAMS.hooks, durable);
    await until("both are there again", () => areThere(stack), { within: 60_000 });
    const made = performance.now() - began;
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "updated" });
    addRow(
      "consumers of the updater and the hook-executor deleted by somebody",
      "made again by the updater; both go on",
      `there again after ${seconds(made)}`,
    );
  });

  it("a participant's consumer that is deleted while it pulls is told, and it goes on when it is added again", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.check();
    const add = () => runOuroboros(stack, "participant", "add", "judge", "--hooks", "before_update");
    assert.equal((await add()).code, 0);
    const judge = answerAs(stack, "judge");
    assert.equal((await runOuroboros(stack, "participant", "remove", "judge")).code, 0);
    assert.equal((await add()).code, 0);
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "updated" });
    await judge.end();
    addRow(
      "consumer of a participant deleted while it pulls, and made again",
      "it goes on pulling, without a restart",
      `heard after ${seconds(msOf(stack, "web", "judge"))}`,
    );
  });
});

async function areThere({ nats, host }: Stack): Promise<boolean> {
  const manager = await jetstreamManager(nats);
  const infos = [consumers.updater(host), consumers.gate(`exec_${host}`)].map((name) =>
    manager.consumers.info(STREAMS.hooks, name),
  );
  return (await Promise.allSettled(infos)).every(({ status }) => status === "fulfilled");
}

/** How long it took until `participant` was heard, or its time was over, at the question about the container. */
function msOf({ records }: Stack, container: string, participant: string): number {
  const decided = records.find(
    (one): one is DecisionRecord & RunRecord =>
      one.kind === "decided" && one.hook === "before_update" && one.container === container,
  );
  const said = decided?.verdicts.find((one) => one.participant === participant);
  assert.ok(said, JSON.stringify(decided));
  return said.ms;
}

const isWaiting = ({ records }: Stack, hook: string): Promise<true> =>
  until(
    `${hook} is waited for`,
    () => records.some((one) => one.kind === "waiting" && one.hook === hook) || undefined,
  );

/** A participant in a process of its own: the example in Python, which decides by a command. */
function answerAs({ server }: Stack, name: string, command = "true"): { readonly end: () => Promise<void> } {
  const words = ["--server", server.url, "--name", name, "--command", `/bin/sh -c '${command}'`];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "python3", example, ...words], { stdio: "ignore" });
  const ended = once(child, "exit");
  return {
    end: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

interface Scene extends AsyncDisposable {
  readonly stack: Stack;
  readonly run: string;
  /** The judge, who is waited for, may answer. */
  readonly letGo: () => void;
  readonly askedOnce: () => Promise<void>;
}

/** `web` is due, and a participant is waited for. */
async function waitingScene(): Promise<Scene> {
  await deploy(h1, "web");
  const stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
  await stack.check();
  let isFree = false;
  const judge = await addParticipant(
    stack,
    "judge",
    { hooks: ["before_update"], flags: ["--timeout", "5m"] },
    async (_event, { verdictSubject }) => {
      await until("it may answer", () => isFree, { within: 120_000 });
      await until("it is stored", () => isStored(stack, verdictSubject), { within: 60_000 });
    },
  );
  await release("apps/web", "2");
  const run = await requestPlan(stack);
  await until("the judge is asked", () => judge.asked.length === 1);
  return {
    stack,
    run,
    letGo: () => (isFree = true),
    askedOnce: async () => {
      const ids = new Set(judge.events.map(({ id }) => id)); // delivered again where nobody acknowledged it for 30 s
      assert.equal(ids.size, 1);
      assert.deepEqual(await overview(h1), ["web running 2"]);
    },
    [Symbol.asyncDispose]: async () => {
      isFree = true;
      await judge[Symbol.asyncDispose]();
      await stack[Symbol.asyncDispose]();
    },
  };
}

const isStored = ({ nats }: Stack, subject: string): Promise<boolean> =>
  jetstream(nats)
    .publish(subject, "proceed", { timeout: 1000 })
    .then(
      () => true,
      () => false,
    );

/** Of the updater's connection of now, both ways; one that it opens later is free. */
async function dropPackets({ server, services }: Stack): Promise<AsyncDisposable> {
  const run = promisify(execFile);
  const { stdout } = await run("ss", ["-Htnp", "state", "established", `( dport = :${server.port} )`]);
  const line = stdout.split("\n").find((one) => one.includes(`pid=${services.updater?.pid ?? 0},`)) ?? "";
  const [, port = ""] = /127\.0\.0\.1:(\d+)\s+127\.0\.0\.1:/.exec(line) ?? [];
  assert.notEqual(port, "", stdout);
  const rules = [
    ["-p", "tcp", "--sport", port, "--dport", String(server.port), "-j", "DROP"],
    ["-p", "tcp", "--sport", String(server.port), "--dport", port, "-j", "DROP"],
  ];
  for (const rule of rules) await run("iptables", ["-I", "INPUT", ...rule]);
  return {
    [Symbol.asyncDispose]: async () => {
      for (const rule of rules) await run("iptables", ["-D", "INPUT", ...rule]);
    },
  };
}
