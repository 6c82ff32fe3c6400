/** A bed of its own for a program, and that nothing of it outlives the program. */
import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import "./bed.ts"; // It starts programs.

const module = new URL("with-bed.js", import.meta.url).href;
/** Tells its bed's folder and stays until it is ended. */
const staying = `
  import { withBed } from "${module}";
  await withBed({ hosts: ["20.10"] }, async (bed) => {
    process.stdout.write(bed.folder + "\\n");
    await bed.run(["sleep", "1000"]);
  }).catch((error) => { console.error(error); process.exitCode = error.signal === "SIGTERM" ? 15 : 1; });`;
const leaving = `
  import { withBed } from "${module}";
  await withBed({ hosts: ["20.10"] }, async (bed) => process.stdout.write(bed.folder + "\\n"));`;

interface Program extends AsyncDisposable {
  readonly folder: string;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code, or the signal that killed it; throws with its complaints if it is another than expected. */
  endsWith(expected: number | NodeJS.Signals): Promise<void>;
}

/** Resolves when its bed is up. */
async function start(program: string): Promise<Program> {
  const child = spawn("node", ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const complaints: string[] = []; // so far: what a killed program leaves may hold its output open
  child.stderr.on("data", (bytes: Buffer) => complaints.push(bytes.toString()));
  const told = await Promise.race([once(child.stdout, "data"), ended.then(() => complaints)]);
  return {
    folder: String(told[0]).trim(),
    kill: (signal) => void child.kill(signal),
    endsWith: async (expected) => {
      const [code, signal] = await ended;
      equal(code ?? signal, expected, complaints.join(""));
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** What of a bed is there still: its folder, its namespaces, mounts in it, processes that were started for it. */
async function traces(folder: string): Promise<string[]> {
  const name = basename(folder);
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return ""; // a process that has just ended
    }
  };
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  return [
    ...(existsSync(folder) ? [folder] : []),
    ...(await readdir("/run/netns")).filter((entry) => entry.startsWith(`${name}-`)),
    ...read("/proc/self/mounts").split("\n").filter((line) => line.includes(`${folder}/`)), // prettier-ignore
    ...pids
      .map((pid) => read(`/proc/${pid}/cmdline`).replaceAll("\0", " "))
      .filter((line) => line.includes(folder)),
    ...pids
      .filter((pid) => read(`/proc/${pid}/environ`).split("\0").includes(`BED=${folder}`))
      .map((pid) => `process ${pid}`),
  ];
}

async function noTraces(folder: string): Promise<void> {
  for (let tries = 40; tries > 0 && (await traces(folder)).length > 0; tries--) await pause(50);
  deepEqual(await traces(folder), []);
}

describe("a bed of its own", () => {
  it("goes down when its program is done", async () => {
    await using program = await start(leaving);
    match(program.folder, /^\/tmp\/ouroboros-bed-\d+$/);
    await program.endsWith(0);
    await noTraces(program.folder);
  });

  it("goes down on SIGTERM, and tells the program so", async () => {
    await using program = await start(staying);
    notEqual((await traces(program.folder)).length, 0);
    program.kill("SIGTERM");
    await program.endsWith(15);
    await noTraces(program.folder);
  });

  it("is swept by the next program when its own was killed, and not while its own lives", async () => {
    const [killed, living] = await Promise.all([start(staying), start(staying)]);
    await using _ = living;
    notEqual(killed.folder, living.folder);
    killed.kill("SIGKILL");
    await killed.endsWith("SIGKILL");
    await using next = await start(leaving);
    await next.endsWith(0);
    await noTraces(killed.folder);
    notEqual((await traces(living.folder)).length, 0);
    living.kill("SIGTERM");
    await living.endsWith(15);
    await noTraces(living.folder);
  });
});
