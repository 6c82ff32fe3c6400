// A real nginx of a test's own, on loopback. The bed unpacks it for the full run (bed.sh, "chromium").
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { checkout } from "./checkout.ts";
import { until } from "./until.ts";

const BINARY = join(process.env["BED_CACHE"] ?? "/var/cache/ouroboros-bed", "nginx/usr/sbin/nginx");
const BUFFERS = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

export interface Nginx extends AsyncDisposable {
  readonly kill: () => Promise<void>;
  /** With the same configuration. */
  readonly restart: () => Promise<void>;
}

/** `servers`: the blocks within `http`; `files` lie beside the configuration, and are named there by their names alone. */
export async function startNginx(
  servers: string,
  { port, files = {} }: { readonly port: number; readonly files?: Readonly<Record<string, string>> },
): Promise<Nginx> {
  const folder = await mkdtemp(join(tmpdir(), "nginx-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const http = [
    "access_log off;",
    ...BUFFERS.map((name) => `${name}_temp_path ${folder}/${name};`),
    servers,
  ].join("\n");
  const conf = `user root;\nworker_processes 1;\ndaemon off;\npid ${folder}/pid;\nevents {}\nhttp {\n${http}\n}\n`;
  await writeFile(join(folder, "nginx.conf"), conf);
  let child = await start(folder, port);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  };
  return {
    kill,
    restart: async () => {
      await kill();
      child = await start(folder, port);
    },
    [Symbol.asyncDispose]: async () => {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function start(folder: string, port: number): Promise<ChildProcess> {
  const args = [
    "--pdeathsig",
    "KILL",
    "--",
    BINARY,
    "-e",
    "stderr",
    "-p",
    folder,
    "-c",
    `${folder}/nginx.conf`,
  ];
  const child = spawn("setpriv", args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  await until(
    "nginx listens",
    async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended:\n${log}`);
      return fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
    },
    { within: 20_000, explain: () => log },
  );
  return child;
}

/** The nginx block of docs/dashboard.md, for a dashboard at `port`. */
export async function documentedLocation(port: number): Promise<string> {
  const page = await readFile(join(checkout, "docs/dashboard.md"), "utf8");
  const block = /```nginx\n(.*?)```/s.exec(page)?.[1] ?? "";
  if (!block.includes("127.0.0.1:8010")) throw new Error("docs/dashboard.md has no nginx block any more");
  return block.replace("127.0.0.1:8010", `127.0.0.1:${port}`);
}
