// How long the operator's commands take that ask NATS on the same machine, with a poller, an updater and an executor
// behind it, as the ratio to a bare `node -e 0` of the same run. In turns, each RUNS times, as whole processes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { engine } from "../test/bed/bed.ts";
import { deploy } from "../test/support/containers.ts";
import { startStack } from "../test/support/stack.ts";
import { formatRatio, goalFor, median, report, timed } from "./bench-report.ts";

const PROGRAM = join(import.meta.dirname, "../cli/main.js");
const RUNS = Number(process.env["RUNS"] ?? "15");
const MOST = 4;
const COMMANDS = ["status", "pending", "history", "participant list", "explain"] as const;

await using h1 = engine(1);
await deploy(h1, "web");
await using stack = await startStack({ engine: h1, env: { MONITOR: "web" } });
await stack.check();

const took = new Map<string, number[]>([
  ["node -e 0", []],
  ...COMMANDS.map((name) => [name, []] as [string, number[]]),
]);
for (let n = 0; n <= RUNS; n++)
  for (const [name, list] of took) {
    const args = name === "node -e 0" ? ["-e", "0"] : [PROGRAM, ...name.split(" ")];
    const ms = await timed(() => ended(name, args));
    if (n > 0) list.push(ms); // the first reads files from the disk
  }
const floor = median(took.get("node -e 0") ?? []);
const rows = COMMANDS.map((name) => {
  const ms = median(took.get(name) ?? []);
  return [`ouroboros ${name}`, formatRatio(ms, floor), goalFor(ms / floor, MOST), `${ms.toFixed(0)} ms`];
});
await report(
  "commands",
  `From the start to the end of the process, median of ${RUNS}, against \`node -e 0\` (${floor.toFixed(0)} ms) in the same run:`,
  [["", "ratio", "goal", "time"], ...rows],
);

async function ended(name: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env["PATH"], ...stack.access },
    stdio: "ignore",
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
}
