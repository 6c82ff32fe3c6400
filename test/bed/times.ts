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

/** The ten files that took longest, a line each. */
export function slowest(times: readonly FileTime[]): string[] {
  const seconds = (ms: number) => (ms / 1000).toFixed(1).padStart(6);
  const lines = times
    .toSorted((one, other) => other.wallMs - one.wallMs)
    .slice(0, 10)
    .map(({ file, wallMs, cpuMs }) => `${seconds(wallMs)} s, ${seconds(cpuMs)} s of processor  ${file}`);
  return lines.length === 0 ? [] : ["The slowest files:", ...lines];
}
