import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect } from "nats";
import { pino } from "pino";
import "../bed/bed.ts"; // It starts a nats-server.
import { startNatsProcess } from "../../nats/nats-process.ts";
import { systemClock } from "../../shared/clock.ts";
import { CannotStart } from "../../shared/errors.ts";
import { type NatsSettings, connectNow } from "../../shared/nats/nats-connection.ts";
import { ensureTopology } from "../../shared/nats/topology.ts";
import { until } from "../support/until.ts";

const log = pino({ level: "silent" });
const program = join(import.meta.dirname, "../../cli/main.js");

describe("the private NATS", () => {
  let dataDir = "";
  const path = process.env["PATH"];
  const start = () => startNatsProcess({ dataDir, log, clock: systemClock });

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "private-nats-"));
  });
  afterEach(async () => {
    process.env["PATH"] = path;
    await rm(dataDir, { recursive: true, force: true });
  });

  it("takes our streams", async () => {
    await using nats = await start();
    const connection = await connectNow("test", nats.access);
    await ensureTopology(connection, await jetstreamManager(connection));
    await connection.close();
  });

  it("lets nobody in without its key, and keeps the key out of its file", async () => {
    await using nats = await start();
    await assert.rejects(connect({ servers: nats.access.NATS_URL, reconnect: false }), /authorization/i);
    const [run = ""] = await foldersOfRuns(dataDir);
    const file = await readFile(join(dataDir, "nats", run, "nats.conf"), "utf8");
    assert.ok(!file.includes(nats.access.NATS_NKEY));
  });

  it("keeps what was stored, and nothing else, from one start to the next", async () => {
    await withBucket(await start(), (bucket) => bucket.put("a", "1"));
    await withBucket(await start(), async (bucket) => {
      assert.equal((await bucket.get("a"))?.string(), "1");
    });
    assert.deepEqual(await foldersOfRuns(dataDir), []);
  });

  it("is started again on its port when it is killed, and its clients come back", async () => {
    await using nats = await start();
    const connection = await connectNow("test", nats.access);
    const pid = await pidOf(dataDir);
    process.kill(pid, "SIGKILL");
    await until("the server has ended", () => !isAlive(pid));
    await until("the next start finds the store free", () =>
      connection.flush().then(
        () => true,
        () => false,
      ),
    );
    await connection.close();
  });

  it("does not open a store that another one has open", async () => {
    await using _first = await start();
    await assert.rejects(start(), refusal(`another Ouroboros uses DATA_DIR ${dataDir}`));
    assert.equal((await foldersOfRuns(dataDir)).length, 1);
  });

  it("says how to get a nats-server where there is none", async () => {
    process.env["PATH"] = dataDir;
    await assert.rejects(start(), refusal("There is no nats-server in PATH", "set NATS_URL", "install"));
  });

  it("refuses a nats-server before 2.10", async () => {
    await fake("nats-server", "echo nats-server: v2.9.10");
    await assert.rejects(start(), refusal("nats-server 2.9.10 in PATH is too old", "2.10 or newer"));
  });

  it("says that it needs util-linux", async () => {
    await fake("flock", "echo BusyBox; exit 1");
    await assert.rejects(start(), refusal("setpriv and flock of util-linux"));
  });

  it("says that DATA_DIR cannot be written", async () => {
    await writeFile(join(dataDir, "nats"), "a file in the way");
    await assert.rejects(
      start(),
      refusal(`DATA_DIR ${dataDir} cannot be written`, "set DATA_DIR to another folder"),
    );
  });

  it("tells the server's own complaint when that does not start", async () => {
    await fake(
      "nats-server",
      `case $1 in --version) echo nats-server: v2.10.0;; *) echo '[1] [FTL] no luck' >&2; exit 1;; esac`,
    );
    await assert.rejects(start(), refusal("nats-server did not start: no luck"));
  });

  /** A program of this name comes first in PATH. */
  async function fake(name: string, script: string): Promise<void> {
    const bin = join(dataDir, "bin");
    await mkdir(bin);
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
    process.env["PATH"] = `${bin}:${path ?? ""}`;
  }
});

describe("ouroboros with a private NATS", () => {
  let dataDir = "";
  const running: ChildProcess[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "private-nats-"));
  });
  afterEach(async () => {
    for (const child of running.splice(0)) await end(child, "SIGKILL");
    await rm(dataDir, { recursive: true, force: true });
  });

  it("takes the server along when it is killed, and finds the store free at its next start", async () => {
    const first = await startProgram();
    const pid = await pidOf(dataDir);
    await end(first, "SIGKILL");
    await until("the server has ended", () => !isAlive(pid));
    await startProgram();
    assert.equal((await foldersOfRuns(dataDir)).length, 1);
  });

  it("ends with 0 at SIGTERM and leaves no server", async () => {
    const child = await startProgram();
    const pid = await pidOf(dataDir);
    assert.equal(await end(child, "SIGTERM"), 0);
    assert.ok(!isAlive(pid));
  });

  it("does not start beside another one with the same DATA_DIR", async () => {
    await startProgram();
    const second = spawnProgram();
    const complaints: string[] = [];
    createInterface(second.stderr).on("line", (line) => complaints.push(line));
    const [code] = (await once(second, "exit")) as [number];
    assert.equal(code, 1);
    assert.match(complaints.join("\n"), /another Ouroboros uses DATA_DIR/);
  });

  function spawnProgram() {
    const env = {
      ...process.env,
      DATA_DIR: dataDir,
      DOCKER_SOCKETS: `unix://${dataDir}/no.sock`,
      NATS_URL: "",
    };
    const child = spawn(process.execPath, [program], { env, stdio: ["ignore", "pipe", "pipe"] });
    running.push(child);
    return child;
  }
  /** Resolves when its NATS runs; there is no Engine, which it waits for. */
  async function startProgram(): Promise<ChildProcess> {
    const child = spawnProgram();
    for await (const line of createInterface(child.stdout))
      if (line.includes("private nats-server runs")) break;
    child.stdout.resume();
    return child;
  }
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
  return child.exitCode;
}

type Bucket = Awaited<ReturnType<Kvm["create"]>>;
async function withBucket(
  nats: AsyncDisposable & { readonly access: NatsSettings },
  use: (bucket: Bucket) => Promise<unknown>,
): Promise<void> {
  await using _nats = nats;
  const connection = await connectNow("test", nats.access);
  await use(await new Kvm(connection).create("THINGS"));
  await connection.close();
}

const foldersOfRuns = async (dataDir: string): Promise<string[]> =>
  (await readdir(join(dataDir, "nats"))).filter((name) => name.startsWith("run-"));

/** The server's, from the name of its ports file. */
async function pidOf(dataDir: string): Promise<number> {
  const [run = ""] = await foldersOfRuns(dataDir);
  const files = await readdir(join(dataDir, "nats", run));
  return Number(/_(\d+)\.ports/.exec(files.join(" "))?.[1]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const refusal =
  (...parts: readonly string[]) =>
  (error: unknown): boolean =>
    error instanceof CannotStart && parts.every((part) => error.message.includes(part));
