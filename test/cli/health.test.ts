import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { engine, startNats } from "../bed/bed.ts";
import { type Process, startProcess } from "../support/stack.ts";
import { until } from "../support/until.ts";

const program = join(import.meta.dirname, "../../cli/main.js");
const host = engine(1);
const PORT = "9464";

describe("the health of a service", () => {
  const running: Process[] = [];
  afterEach(async () => {
    for (const one of running.splice(0)) await one[Symbol.asyncDispose]();
  });
  const start = (args: readonly string[], env: Readonly<Record<string, string>>): Process => {
    const base = { PATH: process.env["PATH"] ?? "", HEALTH_PORT: PORT };
    const one = startProcess(program, { ...base, ...env }, args);
    running.push(one);
    return one;
  };
  const check = async (...args: readonly string[]) => {
    const one = start(["healthcheck", ...args], {});
    return `${await one.exited} ${one.log()}`;
  };

  it("is ready when NATS and its Engine answer, and not while NATS is away", async () => {
    await using nats = await startNats();
    start(["poller"], { NATS_URL: nats.url, DOCKER_SOCKETS: `unix://${host.socket}`, OUROBOROS_HOST: "h1" });
    await until("ready", async () => (await check()) === '0 {"status":"ready"}\n');
    await nats.kill("SIGKILL");
    await until("not ready", async () => (await check()).startsWith("1 "));
    assert.equal(await check(), '1 {"status":"not ready","because":{"NATS (poller)":"not connected"}}\n');
    assert.equal(await check("--live"), '0 {"status":"alive"}\n');
  });

  it("is not ready while its Engine does not answer", async () => {
    await using nats = await startNats();
    start(["poller"], { NATS_URL: nats.url, DOCKER_SOCKETS: "unix:///nowhere.sock" });
    await until("alive", async () => (await check("--live")).startsWith("0 "));
    await until("connected", async () => !(await check()).includes("NATS"));
    assert.equal(
      await check(),
      '1 {"status":"not ready","because":{"Engine unix:///nowhere.sock":"does not answer"}}\n',
    );
  });

  it("is ready while one of several Engines does not answer, and tells which", async () => {
    await using nats = await startNats();
    const sockets = `unix://${host.socket} unix:///nowhere.sock`;
    start(["poller"], { NATS_URL: nats.url, DOCKER_SOCKETS: sockets, OUROBOROS_HOST: "h1 h2" });
    const ready = '{"status":"ready","but":{"Engine unix:///nowhere.sock":"does not answer"}}';
    await until("ready", async () => (await check()) === `0 ${ready}\n`);
  });

  it("all in one comes when each service is ready, not before, and stays", async () => {
    const folder = await mkdtemp(join(tmpdir(), "health-"));
    const sockets = { DOCKER_SOCKETS: `unix://${host.socket}`, OUROBOROS_HOST: "h1" };
    const all = start([], { ...sockets, DATA_DIR: folder, MONITOR: "nothing" });
    const ask = (): Promise<number | undefined> =>
      fetch(`http://127.0.0.1:${PORT}/readyz`).then(
        ({ status }) => status,
        () => undefined,
      );
    const seen: (number | undefined)[] = [];
    await until("ready", async () => seen[seen.push(await ask()) - 1] === 200);
    for (let n = 0; n < 100; n++) {
      seen.push(await ask());
      await sleep(20);
    }
    assert.deepEqual([...new Set(seen.filter((status) => status !== undefined))], [503, 200]);
    assert.ok(!seen.slice(seen.indexOf(200)).includes(503));
    await all[Symbol.asyncDispose](); // it writes into the folder
    await rm(folder, { recursive: true, force: true });
  });

  it("is asked for at the port that HEALTH_PORT_FILE gives, or HEALTH_PORT in quotes", async () => {
    await using nats = await startNats();
    const folder = await mkdtemp(join(tmpdir(), "health-"));
    const given = { HEALTH_PORT: "", HEALTH_PORT_FILE: join(folder, "port") };
    await writeFile(given.HEALTH_PORT_FILE, "9465\n");
    start(["poller"], { NATS_URL: nats.url, DOCKER_SOCKETS: "unix:///nowhere.sock", ...given });
    for (const env of [given, { HEALTH_PORT: '"9465"' }])
      await until("alive", async () => {
        const one = start(["healthcheck", "--live"], env);
        return (await one.exited) === 0 && one.log() === '{"status":"alive"}\n';
      });
    await rm(folder, { recursive: true });
    const lost = start(["healthcheck"], given);
    assert.equal(await lost.exited, 1);
    assert.match(lost.log(), /^HEALTH_PORT_FILE: ENOENT/);
  });

  it("is no more than a complaint where nobody listens", async () => {
    assert.match(await check(), /^1 no answer at 127\.0\.0\.1:9464: .*ECONNREFUSED/);
  });

  it("stops the start where its port is taken", async () => {
    const taken = createServer().listen(Number(PORT), "127.0.0.1");
    await once(taken, "listening");
    const one = start(["poller"], { NATS_URL: "nats://127.0.0.1:9" });
    assert.equal(await one.exited, 1);
    assert.match(one.log(), /HEALTH_PORT 9464 cannot be listened on .*: set another one, or off/);
    taken.close();
  });

  it("is not served, nor asked for, without HEALTH_PORT", async () => {
    const one = startProcess(program, { PATH: process.env["PATH"] ?? "" }, ["healthcheck"]);
    assert.equal(await one.exited, 0);
    assert.equal(one.log(), "HEALTH_PORT is off: nothing is asked\n");
  });
});
