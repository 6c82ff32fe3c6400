// The prefix of a script's command: it ends the script when this process dies, and keeps the script from reading this
// process's secrets.
//
// A process may read another process of the same user, both its environment (proc_pid_environ(5)) and its memory,
// unless the other has a capability that the reader lacks (ptrace(2), "Ptrace access mode checking"). So scripts get
// fewer capabilities than we have: we keep CAP_SETPCAP, and CAP_DAC_READ_SEARCH where we need it to read our key.
// They also lose every capability that would let them read us all the same. A user other than root has no
// capabilities, so its scripts see what this process sees.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Two that only we keep, then those that allow reading other processes; the last two do since Linux 6.13. */
const KEPT_FROM_SCRIPTS = ["setpcap", "dac_read_search", "sys_ptrace", "perfmon", "sys_admin"];

export interface Launcher {
  /** Words before the command. */
  readonly prefix: readonly string[];
  /** Scripts cannot read this process's environment and memory. */
  readonly isIsolated: boolean;
  readonly diesWithUs: boolean;
}

const DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"];

export async function makeLauncher(): Promise<Launcher> {
  const capabilities = KEPT_FROM_SCRIPTS.map((name) => `-${name}`).join();
  const isolating = [
    ...DIE_WITH_PARENT,
    `--bounding-set=${capabilities}`,
    `--inh-caps=${capabilities}`,
    "--",
  ];
  if (await isIsolatedBy(isolating)) return { prefix: isolating, isIsolated: true, diesWithUs: true };
  const plain = [...DIE_WITH_PARENT, "--"];
  if (await canRun([...plain, "true"])) return { prefix: plain, isIsolated: false, diesWithUs: true };
  return { prefix: [], isIsolated: false, diesWithUs: false };
}

/** Whether a command with this prefix can read its own environment but not ours. */
const isIsolatedBy = async (prefix: readonly string[]): Promise<boolean> =>
  (await canRun([...prefix, ...readEnvironment("self")])) &&
  !(await canRun([...prefix, ...readEnvironment(process.pid)]));

const readEnvironment = (of: number | "self"): string[] => ["head", "-c", "1", `/proc/${of}/environ`];

async function canRun([command = "", ...args]: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)(command, args);
    return true;
  } catch {
    return false;
  }
}
