// The process of gate-sustained.bench.ts: the updater's own gate here, a participant in another process, eight events in
// flight. Ends with 1 where it holds more memory than it should.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { jetstreamManager } from "@nats-io/jetstream";
import { pino } from "pino";
import { openBus } from "../services/updater/bus.ts";
import { Doorbell } from "../services/updater/gate/doorbell.ts";
import { Gate } from "../services/updater/gate/gate.ts";
import { Journal } from "../services/updater/journal/journal.ts";
import { Participants } from "../services/updater/gate/participants.ts";
import { systemClock } from "../shared/clock.ts";
import { Health } from "../shared/health.ts";
import { connectNow } from "../shared/nats.ts";
import { readSettings } from "../shared/read-settings.ts";
import { type Context, openHost } from "../shared/run-service.ts";
import { ensureTopology } from "../shared/topology.ts";
import { engine, startNats } from "../test/bed/bed.ts";
import { command } from "../test/support/command.ts";
import { until } from "../test/support/until.ts";
import { beforeUpdateOf } from "./gate-event.ts";
import { startOthers } from "./other-process.ts";
import { report } from "./ratios.ts";

const [EARLY, LATE, LANES] = [1000, 10_000, 8];
const MOST = 1.1;
const NAME = "bench-1";

await using h1 = engine(1);
await using server = await startNats();
const env = { NATS_URL: server.url, DOCKER_SOCKETS: `unix://${h1.socket}`, HOOK_EXECUTOR: "off" };
const settings = readSettings(env, new Map());
const over = new AbortController();
const context: Context = {
  ...{ settings, log: pino({ level: "silent" }), clock: systemClock },
  ...{ health: new Health(), signal: over.signal },
};
const host = await openHost(context, 0);
if (host === undefined) throw new Error("the Engine did not answer");
await using nats = await connectNow("bench", settings);
await ensureTopology(nats, await jetstreamManager(nats));
const bus = await openBus(nats, context, host, "bench");
await using known = await Participants.follow(bus.participants, context);
using doorbell = new Doorbell(nats, host.name, systemClock);
const hook = await beforeUpdateOf(h1);
const words = ["participant", "add", NAME, "--hooks", hook.hook];
const { code, err } = await command({ NATS_URL: server.url }, words);
if (code !== 0) throw new Error(err);
await using _other = await startOthers("gate-participants.js", [[server.url, NAME]]);
await until(
  "it is known",
  () => known.askedAt(hook.hook, bus.host.name, { executor: false, others: true }).length === 1,
);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
let asked = 0;
await askUntil(EARLY);
const early = memory();
const began = performance.now();
await askUntil(LATE);
const seconds = (performance.now() - began) / 1000;
const late = memory();
const grown = (one: number, other: number): string => `${((other / one - 1) * 100).toFixed(1)} %`;
if (late.heap > early.heap * MOST || late.resident > early.resident * MOST) process.exitCode = 1;
await report(
  "sustained",
  `A participant in another process, ${LANES} events in flight: ${Math.round((LATE - EARLY) / seconds)} events per second here.`,
  [
    ["memory after", "1,000 events", "10,000 events", "grown", "goal"],
    ["in use on the heap, MB", mb(early.heap), mb(late.heap), grown(early.heap, late.heap), "<= 10 %"],
    ["resident, MB", mb(early.resident), mb(late.resident), grown(early.resident, late.resident), "<= 10 %"],
  ],
);

async function askUntil(count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      while (asked < count) {
        const journal = await Journal.open(bus, `sustained${++asked}`); // a run has one event of a hook and container
        const gate = new Gate(bus, journal, { participants: known, doorbell, mode: "update" });
        const { verdict } = await gate.ask(hook);
        if (verdict !== "proceed") throw new Error(`event ${asked}: ${verdict}`);
      }
    }),
  );
}

function memory(): { readonly heap: number; readonly resident: number } {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, resident: rss };
}

function mb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
