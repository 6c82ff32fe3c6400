// Identifies the process that holds the lease of an Engine, for other processes and for its successor; and tells
// whether a holder is certainly dead, so that its successor need not wait for the silence of engine-lease.ts (E2).
import { randomBytes } from "node:crypto";
import { readFile, readlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import type { ServiceContext, Host } from "../../../shared/runtime/run-service.ts";

export interface LeaseHolder {
  /** Random for each process and Engine. */
  readonly id: string;
  /** A description for people. */
  readonly who: string;
  /** The same for all processes that use one DATA_DIR. */
  readonly home: string;
  /** `<boot id> <PID namespace> <pid> <start time>`, empty if the kernel does not show them. */
  readonly process: string;
  /** Ids of the containers of this Engine that the process may run in. */
  readonly containers: readonly string[];
}

export async function identifyHolder(
  { settings }: Pick<ServiceContext, "settings">,
  host: Host,
): Promise<LeaseHolder> {
  const [own = ""] = host.own;
  const inspect = own === "" ? undefined : await ifExists(host.engine.docker.getContainer(own).inspect());
  const where =
    inspect === undefined
      ? `process ${process.pid} on ${hostname()}`
      : `container ${inspect.Name.slice(1)} (${own.slice(0, 12)})`;
  return {
    id: randomBytes(8).toString("hex"),
    who: `${where}, host name ${host.name}, DATA_DIR ${settings.DATA_DIR}`,
    home: await readInstanceId(settings.DATA_DIR),
    process: await identifyProcess(),
    containers: host.own,
  };
}

/** Empty if DATA_DIR cannot keep an id: then only silence tells that a holder is dead. */
async function readInstanceId(dataDir: string): Promise<string> {
  const file = join(dataDir, "instance");
  const made = randomBytes(16).toString("hex");
  await writeFile(file, made, { mode: 0o600, flag: "wx" }).catch(() => undefined); // exists already, or not writable
  const kept = await readFile(file, "utf8").catch(() => "");
  return /^[0-9a-f]{32}$/.test(kept) ? kept : "";
}

/** proc_sys_kernel(5), pid_namespaces(7) */
async function identifyProcess(): Promise<string> {
  const boot = await readFileOrEmpty("/proc/sys/kernel/random/boot_id");
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
  const { start } = await readProcessStat(process.pid);
  return boot === "" || namespace === "" || start === ""
    ? ""
    : [boot, namespace, process.pid, start].join(" ");
}

/**
 * True only if `holder` is certainly dead: its process, or the containers it ran in, no longer exist. Only for a
 * holder with the same DATA_DIR: work that another one left stays for a while, for the process it belongs to.
 */
export async function isHolderDead(holder: LeaseHolder, me: LeaseHolder, engine: Engine): Promise<boolean> {
  if (holder.home === "" || holder.home !== me.home || holder.process === "" || me.process === "")
    return false;
  const [boot, namespace, pid, start] = holder.process.split(" ");
  const [bootNow, namespaceNow] = me.process.split(" ");
  if (boot !== bootNow) return true;
  if (namespace === namespaceNow) return isProcessGone(Number(pid), start ?? "");
  if (holder.containers.length === 0) return false;
  if (holder.containers.join() === me.containers.join()) return true; // an earlier process of this very container
  const found = await Promise.all(
    holder.containers.map((id) => ifExists(engine.docker.getContainer(id).inspect())),
  );
  return !found.some((inspect) => inspect?.State.Running === true);
}

async function isProcessGone(pid: number, start: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
  const { state, start: now } = await readProcessStat(pid);
  return state === "Z" || (now !== "" && now !== start); // waits to be reaped, or another process has its pid now
}

/** The third and the 22nd field of proc_pid_stat(5); the second may hold blanks. Empty if they are not shown. */
async function readProcessStat(pid: number): Promise<{ readonly state: string; readonly start: string }> {
  const text = await readFileOrEmpty(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", start: fields[19] ?? "" };
}

const readFileOrEmpty = (file: string): Promise<string> =>
  readFile(file, "utf8").then(
    (text) => text.trim(),
    () => "",
  );
