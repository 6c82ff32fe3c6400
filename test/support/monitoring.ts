// A real Prometheus and a real InfluxDB 1.x of a test's own, on loopback. The bed unpacks them (bed.sh, "metrics").
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, type RequestInit, fetch } from "undici";
import * as z from "zod";
import { until } from "./until.ts";

const binary = (name: string): string =>
  `${process.env["BED_CACHE"] ?? "/var/cache/ouroboros-bed"}/metrics/usr/bin/${name}`;

/** Of loopback. Another program may take it before it is used: whoever does, fails its own test. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Runs promtool; resolves with what it wrote, and its exit code. */
export function promtool(args: readonly string[], input = ""): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = execFile(binary("promtool"), args, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, out: `${stdout}${stderr}` }),
    );
    child.stdin?.end(input);
  });
}

const QueryAnswer = z.object({
  status: z.literal("success"),
  data: z.object({ result: z.array(z.object({ metric: z.record(z.string(), z.string()) }).loose()) }),
});

export interface Prometheus extends AsyncDisposable {
  readonly url: string;
  /** @throws with Prometheus' own words where the query is wrong. */
  readonly query: (expression: string) => Promise<readonly Readonly<Record<string, string>>[]>;
}

/** Scrapes the port every second. */
export async function startPrometheus(target: number, rules: readonly string[] = []): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), "prometheus-"));
  const port = await freePort();
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: rules,
    scrape_configs: [{ job_name: "ouroboros", static_configs: [{ targets: [`127.0.0.1:${target}`] }] }],
  };
  await writeFile(join(folder, "prometheus.yml"), JSON.stringify(config)); // JSON is YAML
  const child = start("prometheus", [
    `--config.file=${join(folder, "prometheus.yml")}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const url = `http://127.0.0.1:${port}`;
  await answers(child, () => fetch(`${url}/-/ready`));
  return {
    url,
    query: async (expression) => {
      const response = await fetch(
        `${url}/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`,
      );
      const body: unknown = await response.json();
      const answer = QueryAnswer.safeParse(body).data;
      if (answer === undefined) throw new Error(`${expression}: ${JSON.stringify(body)}`);
      return answer.data.result.map(({ metric }) => metric);
    },
    [Symbol.asyncDispose]: () => stop(child, folder),
  };
}

const InfluxAnswer = z.object({
  results: z.array(
    z.object({
      series: z
        .array(
          z.object({
            tags: z.record(z.string(), z.string()).optional(),
            columns: z.array(z.string()),
            values: z.array(z.array(z.unknown())),
          }),
        )
        .optional(),
    }),
  ),
});

export interface Influxdb extends AsyncDisposable {
  readonly port: number;
  /** The rows of a query, by column; `time` is in milliseconds. */
  readonly query: (text: string, database?: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  readonly kill: () => Promise<void>;
  readonly restart: () => Promise<void>;
}

/** With `tls`, the files of its certificate, it speaks only https; with `users` only to those that log in: root, password root. */
export async function startInfluxdb({
  tls,
  users = false,
}: {
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly users?: boolean;
} = {}): Promise<Influxdb> {
  const folder = await mkdtemp(join(tmpdir(), "influxdb-"));
  for (const name of ["meta", "data", "wal"]) await mkdir(join(folder, name));
  const [port, rpc] = [await freePort(), await freePort()];
  const config = `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = true
  auth-enabled = ${users}
  https-enabled = ${tls !== undefined}
  https-certificate = "${tls?.cert ?? ""}"
  https-private-key = "${tls?.key ?? ""}"
`;
  await writeFile(join(folder, "influxdb.conf"), config);
  const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  const dispatcher = new Agent({ connect: { ...(tls !== undefined && { ca: await readFile(tls.cert) }) } });
  const ask = (path: string, init: RequestInit = {}) => fetch(`${url}${path}`, { ...init, dispatcher });
  const run = async (): Promise<ChildProcess> => {
    const child = start("influxd", ["-config", join(folder, "influxdb.conf")]);
    await answers(child, () => ask("/ping"));
    return child;
  };
  let child = await run();
  const influxdb: Influxdb = {
    port,
    query: async (text, database = "") => {
      const parameters = { q: text, db: database, epoch: "ms" };
      const response = await ask("/query", {
        method: "POST",
        headers: { authorization: `Basic ${Buffer.from("root:root").toString("base64")}` },
        body: new URLSearchParams(parameters),
      });
      const { results } = InfluxAnswer.parse(await response.json());
      return results.flatMap(({ series = [] }) =>
        series.flatMap(({ columns, values, tags = {} }) =>
          values.map((row) => ({ ...tags, ...Object.fromEntries(columns.map((name, n) => [name, row[n]])) })),
        ),
      );
    },
    kill: () => kill(child),
    restart: async () => void (child = await run()),
    [Symbol.asyncDispose]: async () => {
      await dispatcher.destroy();
      await stop(child, folder);
    },
  };
  if (users) await influxdb.query("CREATE USER root WITH PASSWORD 'root' WITH ALL PRIVILEGES");
  return influxdb;
}

/** It ends with the test, whatever becomes of that. */
const start = (name: string, args: readonly string[]): ChildProcess =>
  spawn("setpriv", ["--pdeathsig", "KILL", "--", binary(name), ...args], { stdio: "ignore" });

const answers = (child: ChildProcess, ask: () => Promise<{ readonly ok: boolean }>): Promise<boolean> =>
  until(`${child.spawnargs.join(" ")} answers`, async () => {
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(" ")} ended with ${child.exitCode}`);
    return ask().then(
      ({ ok }) => ok,
      () => false,
    );
  });

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  await kill(child);
  await rm(folder, { recursive: true, force: true });
}
