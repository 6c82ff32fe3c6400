/** A private, real nats-server for a test: JetStream in a folder of its own, on this network's 127.0.0.1. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export interface NatsOptions {
  /** Which server: what the product's image holds (2.10, the default), or a newer one. */
  readonly version?: "2.10" | "2.15";
  /** The folder JetStream keeps its streams in; without it one that goes with the server. */
  readonly store?: string;
  /** Without it a free one. */
  readonly port?: number;
  /** A configuration file's text; address, port and store are set beside it. */
  readonly config?: string;
}

export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** The file the server logs to, for a test that wants to know why. */
  readonly log: string;
  /** Sends a signal (SIGKILL) and waits for the end, unless it is SIGSTOP, SIGCONT or another that does not end it. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port with the same store, after ending it if it still runs. */
  restart(): Promise<void>;
  /** The same, without all that it had stored. */
  restartEmpty(): Promise<void>;
}

const binaries = { "2.10": "26", "2.15": "28" };

/** Resolves when the server takes connections; throws with its log if it does not within 30 s. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), "nats-"));
  const store = options.store ?? join(folder, "store");
  await mkdir(store, { recursive: true });
  await writeFile(join(folder, "nats.conf"), options.config ?? "");
  const start = (port: number) => startServer({ folder, store, port, version: options.version ?? "2.10" });
  let running = await start(options.port ?? -1);
  const { port } = running;
  const again = async () => {
    await end(running.child, "SIGKILL");
    running = await start(port);
  };
  const server: NatsServer = {
    url: `nats://127.0.0.1:${port}`,
    port,
    log: join(folder, "nats.log"),
    get pid() {
      return running.child.pid ?? 0;
    },
    kill: (signal = "SIGKILL") => end(running.child, signal),
    restart: again,
    restartEmpty: async () => {
      await end(running.child, "SIGKILL");
      await rm(store, { recursive: true });
      await again();
    },
    [Symbol.asyncDispose]: async () => {
      await end(running.child, "SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
  return server;
}

interface Start {
  readonly folder: string;
  readonly store: string;
  /** -1 takes a free one. */
  readonly port: number;
  readonly version: keyof typeof binaries;
}

async function startServer({
  folder,
  store,
  port,
  version,
}: Start): Promise<{ child: ChildProcess; port: number }> {
  const cache = process.env["BED_CACHE"] ?? "/var/cache/ouroboros-bed";
  const log = openSync(join(folder, "nats.log"), "a");
  const child = spawn(
    "setpriv",
    [
      ...["--pdeathsig", "KILL", `${cache}/${binaries[version]}/usr/sbin/nats-server`],
      ...["-c", join(folder, "nats.conf"), "-a", "127.0.0.1", "-p", String(port)],
      ...["-js", "-sd", store, "--ports_file_dir", folder],
    ],
    { stdio: ["ignore", log, log] },
  );
  closeSync(log);
  // The server writes this file once it takes connections.
  const portsFile = join(folder, `nats-server_${child.pid ?? 0}.ports`);
  const deadline = Date.now() + 30_000;
  for (;;) {
    const ports = await readFile(portsFile, "utf8").catch(() => "");
    const [, found] = /"(?:nats|tls)":\s*\[\s*"(?:nats|tls):\/\/[^"]*:(\d+)"/.exec(ports) ?? [];
    if (found !== undefined) return { child, port: Number(found) };
    if (Date.now() > deadline || child.exitCode !== null) break;
    await pause(5);
  }
  await end(child, "SIGKILL");
  throw new Error(
    `nats-server ${version} did not start: ${await readFile(join(folder, "nats.log"), "utf8")}`,
  );
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  if (["SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT"].includes(signal)) await ended;
}
