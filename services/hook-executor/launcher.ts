// Words before a script's command: what lets it die with us, and what keeps it from looking into us.
//
// A process may look into another of the same user, its environment (proc_pid_environ(5)) and its memory, where that has
// no capability that the first has not (ptrace(2), "Ptrace access mode checking"). So scripts get fewer than we have: we
// keep CAP_SETPCAP, and CAP_DAC_READ_SEARCH where we need that to read our key; and they get none that lets them look all
// the same. A user other than root has no capabilities, and its scripts see what it sees.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Ours alone; those that look into others; CAP_PERFMON and CAP_SYS_ADMIN do since Linux 6.13. */
const KEPT_FROM_SCRIPTS = ["setpcap", "dac_read_search", "sys_ptrace", "perfmon", "sys_admin"];

export interface Launcher {
  readonly words: readonly string[];
  /** Scripts cannot look into this process. */
  readonly isIsolated: boolean;
  readonly diesWithUs: boolean;
}

const DIE_WITH_PARENT = ["setpriv", "--pdeathsig", "KILL"];

export async function makeLauncher(): Promise<Launcher> {
  const capabilities = KEPT_FROM_SCRIPTS.map((name) => `-${name}`).join();
  const apart = [...DIE_WITH_PARENT, `--bounding-set=${capabilities}`, `--inh-caps=${capabilities}`, "--"];
  if (await isIsolatedBy(apart)) return { words: apart, isIsolated: true, diesWithUs: true };
  const words = [...DIE_WITH_PARENT, "--"];
  if (await canRun([...words, "true"])) return { words, isIsolated: false, diesWithUs: true };
  return { words: [], isIsolated: false, diesWithUs: false };
}

/** Begun so, a command can read its own environment and not ours. */
const isIsolatedBy = async (words: readonly string[]): Promise<boolean> =>
  (await canRun([...words, ...readEnvironment("self")])) &&
  !(await canRun([...words, ...readEnvironment(process.pid)]));

const readEnvironment = (of: number | "self"): string[] => ["head", "-c", "1", `/proc/${of}/environ`];

async function canRun([command = "", ...args]: readonly string[]): Promise<boolean> {
  try {
    await promisify(execFile)(command, args);
    return true;
  } catch {
    return false;
  }
}
