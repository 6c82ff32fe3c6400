import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { afterEach, describe, it } from "mocha";
import { STREAMS, consumers, executorParticipant } from "../../shared/contract/subjects.ts";
import { type LoggedRequest, engine, hubControl } from "../bed/bed.ts";
import { assertLeft, isVolume, deploy, idOf, overview, release } from "../support/containers.ts";
import { runOuroboros, addParticipant } from "../support/participants.ts";
import { awaitResults, requestPlan } from "../support/runs.ts";
import {
  SEPARATE_PROCESSES,
  type Process,
  type ServiceName,
  type Stack,
  startStack,
} from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);
/** Whoever waited for what is under way would take a minute (a proof), or for ever. */
const STOP_WITHIN_MS = 30_000;
/** The poller gives a registry ten seconds. */
const SOONER_THAN_A_REGISTRY_MS = 9000;
const services: readonly ServiceName[] = ["updater", "hook-executor", "poller"];

describe("an event that is published while the hook-executor is down", () => {
  afterEach(() => h1.clean());

  itInFullRun("is answered when it is back, 3 s later", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.check();
    await stop(stack, "hook-executor");
    await release("apps/web", "2");
    const run = await requestPlan(stack);
    await waitingAt(stack, "updates_enumerated");
    await sleep(3000);
    stack.start("hook-executor");
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
  });
});

describe("events of an update that was over before HOOK_EXECUTOR was switched on", () => {
  afterEach(() => h1.clean());

  it("run no script", async () => {
    await deploy(h1, "web");
    await release("apps/web", "2");
    const env = { HOOK_EXECUTOR: "off" };
    await using stack = await startStack({ engine: h1, services: ["updater", "poller"], env });
    for (const hook of ["updates_enumerated", "before_update", "after_update"])
      await stack.script(`${hook}/10-late`, `#!/bin/sh\ntouch ${join(stack.folder, "ran")}\n`);
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    assert.deepEqual(await overview(h1), ["web running 2"]);
    const executor = stack.start("hook-executor");
    const manager = await jetstreamManager(stack.nats);
    await until("all of its events are settled", async () => {
      const { num_pending, num_ack_pending } = await manager.consumers.info(
        STREAMS.hooks,
        consumers.gate(executorParticipant(stack.host)),
      );
      return num_pending + num_ack_pending === 0;
    });
    await assert.rejects(readFile(join(stack.folder, "ran")), { code: "ENOENT" });
    await until("it says so", () => executor.log().includes("nobody waits for this event"));
  });
});

describe("a poller that was there before its updater", () => {
  afterEach(() => h1.clean());

  it("publishes what is due as soon as it has come, not an interval later", async () => {
    await deploy(h1, "web");
    await release("apps/web", "2");
    await using stack = await startStack({ engine: h1, services: [] });
    const hooks = ["--hooks", "dry_run_update"]; // whoever adds a participant makes the streams
    assert.equal((await runOuroboros(stack, "participant", "add", "early", ...hooks)).code, 0);
    stack.start("poller");
    await said(stack, "poller", "plan waits for the updater");
    stack.start("hook-executor");
    stack.start("updater");
    await stack.expectResult("web", "updated");
  });
});

describe("NATS that is killed and restarted", () => {
  afterEach(() => h1.clean());

  it("while a gate waits is waited for; what was said meanwhile is heard", async () => {
    await using scene = await waitingScene("before_update");
    const { stack } = scene;
    const run = await requestPlan(stack);
    await scene.isWaiting();
    await stack.server.kill("SIGKILL");
    await scene.letGo();
    await said(stack, "hook-executor", "script ran");
    await stack.server.restart();
    await until("the new one runs", async () => (await overview(h1)).join() === "db running 1,web running 2");
    await stack.nats.flush();
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
    assert.deepEqual(await scene.runs("before_update"), [`${run}-before_update-web`]);
  });

  itInFullRun("while a container is swapped is not waited for", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({
      engine: h1,
      services: SEPARATE_PROCESSES,
      env: { SETTLE_TIME: "2s" },
    });
    await stack.check();
    await release("apps/web", "2");
    const run = await requestPlan(stack);
    await until("the names are swapped", async () => (await overview(h1)).includes("web running 2"));
    await stack.server.kill("SIGKILL");
    await said(stack, "updater", "connection to NATS lost");
    await sleep(3000); // the proof is over, and nobody can be told
    assert.ok((await overview(h1)).includes("web running 2"));
    await stack.server.restart();
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
    assert.deepEqual(await overview(h1), ["web running 2"]);
  });
});

describe("SIGTERM", () => {
  afterEach(() => h1.clean());

  it("ends each service with exit code 0 while a gate waits; what was decided is not asked again", async () => {
    await using scene = await waitingScene(undefined);
    const { stack } = scene;
    let go = false;
    await using judge = await addParticipant(stack, "judge", { hooks: ["before_update"] }, async () => {
      await until("it may go on", () => go);
      return "proceed";
    });
    const run = await requestPlan(stack);
    await waitingAt(stack, "before_update");
    assert.ok((await overview(h1)).includes("db exited 1"));
    for (const service of services) await stop(stack, service);
    assert.deepEqual(await overview(h1), ["db running 1", "web running 1"]);
    for (const service of services) stack.start(service);
    await said(stack, "updater", "run begun");
    go = true;
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
    assert.deepEqual(judge.asked, ["before_update web"]);
    const asked = ["before_stop_depends_container-db", "before_update-web", "after_update-web"];
    assert.deepEqual(
      await scene.runs(),
      [...asked, "before_start_depends_container-db"].map((event) => `${run}-${event}`),
    );
    assert.deepEqual(await overview(h1), ["db running 1", "web running 2"]);
    await assertLeft(h1, [], isVolume);
  });

  itInFullRun("cuts a script that does not end; the event is run again after the restart", async () => {
    await using scene = await waitingScene("before_update");
    const { stack } = scene;
    const run = await requestPlan(stack);
    await scene.isWaiting();
    await stop(stack, "hook-executor");
    await scene.letGo();
    stack.start("hook-executor");
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
    const event = `${run}-before_update-web`;
    assert.deepEqual(await scene.runs("before_update"), [event, event]);
  });

  it("during the proof puts the old container back, and the update is done after the restart", async () => {
    const web = await deploy(h1, "web");
    await using stack = await startStack({
      engine: h1,
      services: SEPARATE_PROCESSES,
      env: { STOP_GRACE: "1s" },
    });
    await stack.check();
    const env = { SETTLE_TIME: "60s" };
    await stop(stack, "updater");
    stack.start("updater", { env });
    await said(stack, "updater", "acts on the host");
    await release("apps/web", "2");
    const run = await requestPlan(stack);
    await until("the new one runs", async () => (await overview(h1)).includes("web running 2"));
    await stop(stack, "updater");
    assert.deepEqual(await overview(h1), ["web running 1"]);
    assert.equal(await idOf(h1, "web"), web);
    stack.start("updater");
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
    assert.deepEqual(await overview(h1), ["web running 2"]);
    assert.equal(stack.heard().filter((one) => one === "before_update web").length, 1);
  });

  itInFullRun("during a pull leaves the run for the next start", async () => {
    await deploy(h1, "web", { image: "docker.io/library/web" });
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.check();
    await release("docker.io/library/web", "2");
    await hubControl.clearLog();
    const slow = await hubControl.faults([{ match: "GET .*/library/web/blobs/", slow: 16 }]);
    const run = await requestPlan(stack);
    const isPulling = ({ method, path }: LoggedRequest) => method === "GET" && path.includes("/manifests/");
    await until("it is pulled", async () => (await hubControl.log()).some(isPulling));
    await stop(stack, "updater");
    await slow[Symbol.asyncDispose]();
    stack.start("updater");
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
  });

  itInFullRun("ends the poller while a registry does not answer", async () => {
    await deploy(h1, "web", { image: "docker.io/library/web" });
    const match = "HEAD .*/library/web/manifests/";
    await using _silent = await hubControl.faults([{ match, delay: 60_000, times: 9 }]);
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await until("the registry is asked", async () => (await hubControl.timesLeft(match)) < 9);
    await stop(stack, "poller", SOONER_THAN_A_REGISTRY_MS);
  });

  itInFullRun("a second time ends it at once, and the next start puts things right", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({
      engine: h1,
      services: SEPARATE_PROCESSES,
      env: { SETTLE_TIME: "60s", STOP_GRACE: "60s" },
    });
    await stack.check();
    await release("apps/web", "2");
    const run = await requestPlan(stack);
    await until("the new one runs", async () => (await overview(h1)).includes("web running 2"));
    const { updater } = stack.services;
    updater?.kill("SIGTERM");
    const again = setInterval(() => updater?.kill("SIGTERM"), 200); // two that come before it looks are one
    assert.equal(await updater?.exited, 130);
    clearInterval(again);
    stack.start("updater", { env: { SETTLE_TIME: "300ms" } });
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
    assert.deepEqual(await overview(h1), ["web running 2"]);
  });

  itInFullRun("ends every service while NATS is away, since its start or since a while", async () => {
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await said(stack, "updater", "acts on the host");
    await said(stack, "hook-executor", "waiting for hook events");
    await stack.check();
    const connected = services.map((service) => stack.services[service]);
    await stack.server.kill("SIGKILL");
    for (const service of services) await said(stack, service, "connection to NATS lost");
    const late = services.map((service) => stack.start(service));
    for (const service of services) await said(stack, service, "started");
    await Promise.all([...connected, ...late].map(async (one) => one && ends(one)));
  });
});

describe("a NATS server before 2.10", () => {
  it("is refused by every program with a sentence that says why", async () => {
    await using old = await oldServer("2.9.10");
    await using stack = await startStack({ engine: h1, services: [], env: { NATS_URL: old.url } });
    const sentence = /NATS 2\.9\.10 at nats:\/\/127\.0\.0\.1:\d+ is too old: 2\.10 or newer is needed/;
    for (const service of services) {
      const process = stack.start(service);
      assert.equal(await process.exited, 1);
      assert.match(process.log(), sentence);
    }
    const { code, err } = await runOuroboros(
      { ...stack, access: { NATS_URL: old.url } },
      "participant",
      "list",
    );
    assert.equal(code, 3);
    assert.match(err, sentence);
  });
});

/** SIGTERM; fails unless it ends with exit code 0, in time. */
async function stop(stack: Stack, service: ServiceName, within = STOP_WITHIN_MS): Promise<void> {
  const process = stack.services[service];
  assert.ok(process);
  await said(stack, service, '"started"'); // before that nothing hears the signal
  await ends(process, within);
}

async function ends(process: Process, within = STOP_WITHIN_MS): Promise<void> {
  process.kill("SIGTERM");
  const late = new AbortController();
  const end = await Promise.race([
    process.exited,
    sleep(within, "still running", { signal: late.signal }).catch(() => ""),
  ]);
  late.abort();
  assert.equal(end, 0, process.log().slice(-1000));
}

const said = (stack: Stack, service: ServiceName, words: string): Promise<true> => {
  const log = () => stack.services[service]?.log() ?? "";
  return until(`the ${service} says "${words}"`, () => log().includes(words) || undefined, { explain: log });
};

const waitingAt = (stack: Stack, hook: string): Promise<true> =>
  until(
    `${hook} is waited for`,
    () => stack.records.some((record) => record.kind === "waiting" && record.hook === hook) || undefined,
  );

interface Scene extends AsyncDisposable {
  readonly stack: Stack;
  /** Ids of the events for which a script ran, in order; all, or those of one hook. */
  readonly runs: (hook?: string) => Promise<string[]>;
  readonly isWaiting: () => Promise<unknown>;
  readonly letGo: () => Promise<void>;
}

const NOTED = [
  "before_stop_depends_container",
  "before_update",
  "after_update",
  "before_start_depends_container",
];

/** Web, which is due, depends on db; a script at each hook notes its event, and at `waitAt` waits until it is let go. */
async function waitingScene(waitAt: string | undefined): Promise<Scene> {
  await deploy(h1, "db");
  await deploy(h1, "web", { create: { Labels: { "com.ouroboros.depends_on": "db" } } });
  const stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES, env: { STOP_GRACE: "2s" } });
  const notes = join(stack.folder, "notes");
  const wait = join(stack.folder, "wait");
  await writeFile(wait, "");
  for (const hook of NOTED) {
    const loop = hook === waitAt ? `while [ -e ${wait} ]; do sleep 0.05; done\n` : "";
    await stack.script(`${hook}/note`, `#!/bin/sh\necho "$OUROBOROS_EVENT_ID" >> ${notes}\n${loop}`);
  }
  await stack.check();
  await release("apps/web", "2");
  const runs = async (hook = "") =>
    (await readFile(notes, "utf8").catch(() => ""))
      .split("\n")
      .filter((line) => line !== "" && line.includes(hook));
  return {
    stack,
    runs,
    isWaiting: () => until("the script runs", async () => (await runs(waitAt)).length > 0),
    letGo: () => rm(wait),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

/** A server that takes connections and says nothing. */
/** A server that only says which version it is. */
async function oldServer(version: string): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => {
    const info = {
      server_id: "OLD",
      version,
      proto: 1,
      headers: true,
      jetstream: true,
      max_payload: 1 << 20,
    };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on("data", (chunk) => chunk.includes("PING") && socket.write("PONG\r\n"));
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `nats://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}
