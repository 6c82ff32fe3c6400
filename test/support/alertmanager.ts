// A real Alertmanager, Debian's, on loopback: what it has silenced, and which alerts it would tell.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

/** Where the bed has unpacked it. It wants its template at its place in /usr/share. */
const UNPACKED = join(process.env["BED_CACHE"] ?? "/var/cache/ouroboros-bed", "alertmanager");
const RUN = 'mount --bind "$0/usr/share" /usr/share && exec "$0/usr/bin/prometheus-alertmanager" "$@"';

interface Silence {
  readonly id: string;
  readonly comment: string;
  readonly endsAt: string;
  readonly status: { readonly state: "active" | "pending" | "expired" };
}

export interface Alertmanager extends AsyncDisposable {
  readonly url: string;
  readonly silences: () => Promise<readonly Silence[]>;
  /** Makes an alert with these labels fire. */
  readonly fire: (labels: Readonly<Record<string, string>>) => Promise<void>;
  /** The names of the alerts that it tells people. */
  readonly told: () => Promise<readonly string[]>;
}

export async function startAlertmanager(): Promise<Alertmanager> {
  const folder = await mkdtemp(join(tmpdir(), "alertmanager-"));
  const config = join(folder, "alertmanager.yml");
  await writeFile(config, "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
  const options = [
    ...[`--config.file=${config}`, `--storage.path=${folder}`],
    ...["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="],
  ];
  const command = ["unshare", "--mount", "sh", "-c", RUN, UNPACKED, ...options];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const exited = once(child, "exit");
  const port = await until("Alertmanager listens", () => /address=127\.0\.0\.1:(\d+)/.exec(log)?.[1], {
    explain: () => log,
  });
  const url = `http://127.0.0.1:${port}`;
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}/api/v2/${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  return {
    url,
    silences: async () => (await (await ask("silences")).json()) as Silence[],
    fire: async (labels) => {
      const headers = { "content-type": "application/json" };
      await ask("alerts", { method: "POST", headers, body: JSON.stringify([{ labels }]) });
    },
    told: async () => {
      const alerts = (await (await ask("alerts?silenced=false")).json()) as {
        readonly labels: { readonly alertname: string };
      }[];
      return alerts.map(({ labels }) => labels.alertname).sort();
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
