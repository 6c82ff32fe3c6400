// The process of gate-sustained.bench.ts: the updater's own gate here, a participant in another process, eight events in
// flight. Ends with 1 where it holds more memory than it should.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { engine, startNats } from "../test/bed/bed.ts";
import { beforeUpdateOf, gateScene } from "../test/support/gate-scene.ts";
import { startChildProcesses } from "./child-processes.ts";
import { keepHeapSmall } from "../shared/runtime/run-service.ts";
import { goalFor, report } from "./bench-report.ts";

const [EARLY, LATE, LANES] = [1000, 10_000, 8];
const MOST_PERCENT = 10;
const NAME = "bench-1";

keepHeapSmall();
await using h1 = engine(1);
await using server = await startNats();
await using scene = await gateScene(h1, server.url);
const hook = await beforeUpdateOf(h1);
await scene.register(hook.hook, [NAME]);
await using _other = await startChildProcesses("gate-participants.js", [[server.url, NAME]]);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
let asked = 0;
await askUntil(EARLY);
const early = memory();
const began = performance.now();
await askUntil(LATE);
const seconds = (performance.now() - began) / 1000;
const late = memory();
const grown = (of: keyof typeof early): number => (late[of] / early[of] - 1) * 100;
const row = (says: string, of: keyof typeof early): string[] => [
  `${says}, MB`,
  mb(early[of]),
  mb(late[of]),
  `${grown(of).toFixed(1)} %`,
  goalFor(grown(of), MOST_PERCENT, " %"),
];
await report(
  "sustained",
  `A participant in another process, ${LANES} events in flight: ${Math.round((LATE - EARLY) / seconds)} events per second here.`,
  [
    ["memory after", "1,000 events", "10,000 events", "grown", "goal"],
    row("in use on the heap", "heap"),
    row("resident", "resident"),
  ],
);

async function askUntil(count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      while (asked < count) {
        const gate = await scene.newGate(`sustained${++asked}`);
        const { verdict } = await gate.ask(hook);
        if (verdict !== "proceed") throw new Error(`event ${asked}: ${verdict}`);
      }
    }),
  );
}

/** Resident as it is in the middle of the work; on the heap what a collection leaves. */
function memory(): { readonly heap: number; readonly resident: number } {
  const { rss } = process.memoryUsage();
  collect();
  return { heap: process.memoryUsage().heapUsed, resident: rss };
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
