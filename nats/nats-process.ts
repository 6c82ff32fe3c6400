// Runs a private nats-server for an Ouroboros without a NATS: on loopback, with its store in DATA_DIR. It ends with
// the process that started it. The server requires one process per store; a lock on the folder enforces that.
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { nkeys } from "nats";
import type { Logger } from "pino";
import type { Clock } from "../shared/clock.ts";
import { requireFreeSpace } from "../shared/runtime/data-dir.ts";
import { CannotStart, explain } from "../shared/errors.ts";
import { messageOf } from "../shared/catalogue/entry.ts";
import { privateNatsErrors } from "../shared/catalogue/nats-errors.ts";
import { dataDirErrors } from "../shared/catalogue/start-errors.ts";
import { Backoff } from "../shared/retry.ts";
import type { NatsSettings } from "../shared/nats/nats-connection.ts";
import { repairNatsStore } from "./repair-nats-store.ts";
import { requirePrograms } from "./required-programs.ts";
import { HANDSHAKE_TIMEOUT_S } from "./server-config-text.ts";

export interface PrivateNats extends AsyncDisposable {
  /** How to reach it; does not change when the server is restarted. */
  readonly access: NatsSettings;
}

interface NatsProcessOptions {
  readonly dataDir: string;
  readonly log: Logger;
  readonly clock: Clock;
}
/** One server process; `folder` holds its configuration and its ports file. */
interface ServerRun extends NatsProcessOptions {
  readonly store: string;
  readonly folder: string;
  /** Ends the server. */
  readonly stop: AbortSignal;
}
interface RunningServer {
  readonly port: number;
  /** Aborts when the server has ended. */
  readonly over: AbortSignal;
}

/** Exit code of flock where another process holds the lock. */
const LOCKED_EXIT_CODE = 75;
const READY_WITHIN_MS = 10_000;
const PAUSES = { first: 100, most: 30_000 };
/** A server that ran this long is restarted with the shortest pause. */
const STEADY_MS = 60_000;

/**
 * Resolves when the server accepts connections. A server that ends is restarted on the same port.
 * @throws CannotStart where nats-server is missing or too old, or DATA_DIR cannot be used.
 */
export async function startNatsProcess(options: NatsProcessOptions): Promise<PrivateNats> {
  await requirePrograms();
  const stop = new AbortController();
  const user = nkeys.createUser();
  const store = join(options.dataDir, "nats");
  const run = { ...options, store, folder: await createRunFolder(store, options.dataDir), stop: stop.signal };
  try {
    await writeFile(configPath(run), processConfig(run, user.getPublicKey()), { mode: 0o600 });
    const isNew = !existsSync(join(store, "jetstream", "$G", "streams"));
    const first = await spawnServer(run, -1);
    await removeOldRunFolders(run);
    options.log.info({ port: first.port, store }, "private nats-server runs");
    const access = accessTo(first.port, new TextDecoder().decode(user.getSeed()));
    await repairNatsStore(access, { ...options, isNew });
    const supervision = keepRunning({ ...run, access }, first);
    return {
      access,
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await supervision;
        await rm(run.folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(run.folder, { recursive: true, force: true });
    throw error;
  }
}

export const accessTo = (port: number, seed: string): NatsSettings => ({
  NATS_URL: `nats://127.0.0.1:${port}`,
  NATS_USER: "",
  NATS_PASSWORD: "",
  NATS_CREDS: "",
  NATS_NKEY: seed,
  NATS_CA: "",
  NATS_CERT: "",
  NATS_KEY: "",
});

async function createRunFolder(store: string, dataDir: string): Promise<string> {
  try {
    await mkdir(store, { recursive: true, mode: 0o700 });
    await requireFreeSpace(dataDir);
    return await mkdtemp(join(store, "run-"));
  } catch (cause) {
    if (cause instanceof CannotStart) throw cause;
    throw new CannotStart(messageOf(dataDirErrors.unwritable, { folder: dataDir, because: explain(cause) }), {
      cause,
    });
  }
}

const configPath = ({ folder }: ServerRun): string => join(folder, "nats.conf");

/**
 * Contains only the public half of the key. The limit of the store is a number, because the server's default grows
 * and shrinks with the disk.
 */
const processConfig = ({ store, folder }: ServerRun, publicKey: string): string => `
server_name: ouroboros
host: "127.0.0.1"
logtime: false
ports_file_dir: ${JSON.stringify(folder)}
jetstream { store_dir: ${JSON.stringify(store)}, sync_interval: always, max_file_store: 4GB, max_memory_store: 64MB }
authorization { timeout: ${HANDSHAKE_TIMEOUT_S}, users: [ { nkey: ${publicKey} } ] }
`;

/** This process holds the lock, so no other process uses the folders of earlier runs. */
async function removeOldRunFolders({ store, folder }: ServerRun): Promise<void> {
  for (const name of await readdir(store)) {
    const path = join(store, name);
    if (name.startsWith("run-") && path !== folder) await rm(path, { recursive: true, force: true });
  }
}

/** Restarts the server whenever it ends. Resolves when `stop` has aborted and the server has ended. */
async function keepRunning(
  run: ServerRun & Pick<PrivateNats, "access">,
  first: RunningServer,
): Promise<void> {
  const { stop, clock, log } = run;
  let server = first;
  const backoff = new Backoff(clock, PAUSES);
  while (!stop.aborted) {
    const startedAt = clock.monotonic();
    if (!server.over.aborted) await once(server.over, "abort");
    if (stop.aborted) return;
    if (clock.monotonic() - startedAt > STEADY_MS) backoff.reset();
    log.error({ pause: backoff.next }, "private nats-server ended; starting it again");
    await backoff.pause(stop);
    try {
      if (!stop.aborted) server = await spawnServer(run, first.port);
      await repairNatsStore(run.access, { ...run, isNew: false });
    } catch (err) {
      log.error({ err }, "private nats-server did not start");
    }
  }
  if (!server.over.aborted) await once(server.over, "abort");
}

/**
 * Starts the server in a session of its own, so that Ctrl-C at a terminal does not end it before its clients. The
 * kernel sends it TERM when this process ends, in whatever way. It holds the lock of the store while it lives.
 */
async function spawnServer(run: ServerRun, port: number): Promise<RunningServer> {
  const { store, folder, clock, dataDir } = run;
  const child = spawn(
    "setpriv",
    [
      ...[
        "--pdeathsig",
        "TERM",
        "flock",
        "-n",
        "-E",
        String(LOCKED_EXIT_CODE),
        "--no-fork",
        join(store, "lock"),
      ],
      ...["nats-server", "-c", configPath(run), "-p", String(port)],
    ],
    { detached: true, stdio: ["ignore", "ignore", "pipe"] },
  );
  const lastComplaint = forwardLog(child, run.log);
  const over = watchEnd(child, run);
  const startedAt = clock.monotonic();
  while (!over.aborted && clock.monotonic() - startedAt < READY_WITHIN_MS) {
    const actualPort = await readPort(folder, child.pid);
    if (actualPort !== undefined) return { port: actualPort, over };
    await clock.sleep(5, over);
  }
  child.kill("SIGKILL");
  if (child.exitCode === LOCKED_EXIT_CODE)
    throw new CannotStart(messageOf(dataDirErrors.taken, { folder: dataDir }));
  const because = lastComplaint() || `it ended with ${child.exitCode ?? "no word"}`;
  throw new CannotStart(messageOf(privateNatsErrors.serverFailed, { because }));
}

/** The server writes `<program>_<pid>.ports` once it accepts connections. */
async function readPort(folder: string, pid = 0): Promise<number | undefined> {
  const text = await readFile(join(folder, `nats-server_${pid}.ports`), "utf8").catch(() => "");
  const [, port] = /"nats:\/\/127\.0\.0\.1:(\d+)"/.exec(text) ?? [];
  return port === undefined ? undefined : Number(port);
}

type ServerChild = ChildProcessByStdio<null, null, Readable>;

/** Ends the child when `stop` aborts; returns a signal that aborts when the child has ended. */
function watchEnd(child: ServerChild, { stop, clock }: ServerRun): AbortSignal {
  const over = new AbortController();
  const end = (): void => {
    child.kill("SIGTERM");
    void clock.sleep(5000, over.signal).then(() => child.kill("SIGKILL"));
  };
  child.once("close", () => {
    stop.removeEventListener("abort", end);
    over.abort();
  });
  child.once("error", () => over.abort());
  stop.addEventListener("abort", end, { once: true });
  return over.signal;
}

/**
 * Forwards what the server complains about, as `[pid] [WRN] text`, to our log, and leaves out the rest, such as its
 * banner. The returned function gives the last complaint.
 */
function forwardLog(child: ServerChild, log: Logger): () => string {
  let complaint = "";
  createInterface(child.stderr).on("line", (line) => {
    const [, level = "ERR", text = line] = /^\[\d+\] \[(\w+)\] (.*)$/.exec(line) ?? [];
    if (["INF", "DBG", "TRC"].includes(level)) return;
    complaint = text;
    log.warn({ because: text }, "nats-server complains");
  });
  return () => complaint;
}
