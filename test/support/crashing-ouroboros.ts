// The program as it is, but it dies at moments of a self-update (crash-points.ts), each told as `<who> <moment>`: `old` is the
// container that is replaced, `new` its successor, `helper` replaces it, `back` is the helper that puts it back. The file
// `points` in DIE_FOLDER holds patterns (JSON). Each is met once, by whichever process comes first: a file beside it says
// so. `kill <pattern>` ends the process; at `stall <pattern>` it goes no further, until somebody ends it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [, , service = "", job = ""] = process.argv;
const { DIE_FOLDER, GENERATION } = process.env;
const isPart = ["", "updater", "helper"].includes(service) || service.startsWith("-");
const who =
  service !== "helper"
    ? GENERATION === "1"
      ? "old"
      : "new"
    : job.includes('"way":"back"')
      ? "back"
      : "helper";
const points = isPart && DIE_FOLDER !== undefined ? pointsIn(DIE_FOLDER) : [];

function pointsIn(folder: string) {
  const texts = JSON.parse(readFileSync(join(folder, "points"), "utf8")) as string[];
  return texts.map((text, index) => {
    const [, how = "", pattern = ""] = /^(kill|stall) (.*)$/.exec(text) ?? [];
    return { how, pattern: new RegExp(`^${pattern}$`), file: join(folder, String(index)) };
  });
}

async function come(moment: string): Promise<void> {
  const point = points.find(({ pattern, file }) => pattern.test(`${who} ${moment}`) && isFirst(file));
  if (point === undefined) return;
  if (point.how === "kill") process.kill(process.pid, "SIGKILL");
  await new Promise<never>(() => setInterval(() => undefined, 60_000));
}

function isFirst(file: string): boolean {
  try {
    writeFileSync(file, "", { flag: "wx" });
    return true;
  } catch {
    return false;
  }
}

if (points.length > 0) {
  const { instrumentCrashPoints } = await import("./crash-points.ts");
  instrumentCrashPoints({ onReached: come });
  await come("started");
}
// Not main.ts, which is bundled: its modules are its own, and nobody hears of their moments.
const { start } = await import("../../cli/program.ts");
await start(process.argv.slice(2));
