/** What tests take. */
import { readFileSync } from "node:fs";

export interface FileTime {
  readonly file: string;
  readonly wallMs: number;
  /** Of the tests and of the programs that they ended; the Engines' is not in it. */
  readonly cpuMs: number;
}

/** What this process and its children, once they have ended, have used of the processors; 0 where the system does not say. */
export function cpuMs(): number {
  try {
    const fields = readFileSync("/proc/self/stat", "utf8").replace(/.*\) /s, "").split(" ");
    return fields.slice(11, 15).reduce((total, ticks) => total + Number(ticks) * 10, 0);
  } catch {
    return 0;
  }
}

/** The ten files that took longest, a line each; all of them, and their sum, where OUROBOROS_TEST_TIMES=all asks for it. */
export function slowest(times: readonly FileTime[], asked = process.env["OUROBOROS_TEST_TIMES"]): string[] {
  if (times.length === 0) return [];
  const sorted = times.toSorted((one, other) => other.wallMs - one.wallMs);
  if (asked !== "all") return ["The slowest files:", ...sorted.slice(0, 10).map(lineOf)];
  const sum = (key: "wallMs" | "cpuMs") => times.reduce((total, one) => total + one[key], 0);
  const all = { file: `all ${times.length} files`, wallMs: sum("wallMs"), cpuMs: sum("cpuMs") };
  return ["The files, slowest first:", ...[...sorted, all].map(lineOf)];
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(6);
const lineOf = ({ file, wallMs, cpuMs }: FileTime): string =>
  `${seconds(wallMs)} s, ${seconds(cpuMs)} s of processor  ${file}`;
