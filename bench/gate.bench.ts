// What a hook costs: the updater's own gate in this process, participants in others, one real nats-server between
// them. From "publish" to "the decision is in the journal", as a ratio to a bare request and its reply between two
// processes over the same server; and a hook that nobody is asked at, as a ratio to one bare publish to its stream.
import { Health } from "../shared/health.ts";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { pino } from "pino";
import { openBus } from "../services/updater/bus.ts";
import { Doorbell } from "../services/updater/gate/doorbell.ts";
import { Gate } from "../services/updater/gate/gate.ts";
import { Journal } from "../services/updater/journal/journal.ts";
import { Participants } from "../services/updater/gate/participants.ts";
import { systemClock } from "../shared/clock.ts";
import { connectNow } from "../shared/nats.ts";
import { type Context, openHost } from "../shared/run-service.ts";
import { readSettings } from "../shared/read-settings.ts";
import { subjects } from "../shared/subjects.ts";
import { ensureTopology } from "../shared/topology.ts";
import { engine, startNats } from "../test/bed/bed.ts";
import { command } from "../test/support/command.ts";
import { until } from "../test/support/until.ts";
import { ECHO } from "./gate-bare.ts";
import { beforeUpdateOf } from "./gate-event.ts";
import { startOthers } from "./other-process.ts";
import { quantile, report, timed, times } from "./ratios.ts";

const SAMPLES = 500;
const WARM_UP = 50;
/** How many participants, in how many processes, and the ratio at p50 that it should stay below. */
const CASES = [
  { participants: 1, processes: 1, goal: 12 },
  { participants: 10, processes: 10, goal: 40 },
  { participants: 50, processes: 5, goal: undefined },
];

await using h1 = engine(1);
await using server = await startNats();
await using _echo = await startOthers("gate-participants.js", [[server.url]]);
const settings = readSettings(
  { NATS_URL: server.url, DOCKER_SOCKETS: `unix://${h1.socket}`, HOOK_EXECUTOR: "off" },
  new Map(),
);
const over = new AbortController();
const context: Context = {
  settings,
  log: pino({ level: "silent" }),
  clock: systemClock,
  health: new Health(),
  signal: over.signal,
};
const host = await openHost(context, 0);
if (host === undefined) throw new Error("the Engine did not answer");
await using nats = await connectNow("bench", settings);
const manager: JetStreamManager = await jetstreamManager(nats);
await ensureTopology(nats, manager);
const bus = await openBus(nats, context, host, "bench");
await using known = await Participants.follow(bus.participants, context);
using doorbell = new Doorbell(nats, host.name, systemClock);
const hook = await beforeUpdateOf(h1);
const runs = numbers();

const rows = [["participants", "p50", "p99", "goal at p50"]];
rows.push(["none, to one publish", ...(await measureAlone())]);
for (const it of CASES) rows.push([String(it.participants), ...(await measure(it))]);
await report(
  "round-trip",
  "Published, answered by participants in other processes, decision in the journal. " +
    `Ratios to a bare NATS request/reply between two processes, ${SAMPLES} of each, in turns:`,
  rows,
);

async function measure({ participants, processes, goal }: (typeof CASES)[number]): Promise<string[]> {
  const names = Array.from({ length: participants }, (_, i) => `bench-${i + 1}`);
  for (const name of names) await operate("participant", "add", name, "--hooks", hook.hook);
  const shares = Array.from({ length: processes }, (_, i) =>
    names.filter((_name, at) => at % processes === i),
  );
  await using _others = await startOthers(
    "gate-participants.js",
    shares.map((share) => [server.url, ...share]),
  );
  await until("all are known", () => asked().length === participants);
  const bare: number[] = [];
  const asking: number[] = [];
  for (let i = -WARM_UP; i < SAMPLES; i++) {
    const gate = await newGate();
    const [one, other] = [await timed(() => nats.request(ECHO)), await timed(() => gate.ask(hook))];
    if (i < 0) continue;
    bare.push(one);
    asking.push(other);
  }
  for (const name of names) await operate("participant", "remove", name);
  await until("none is known", () => asked().length === 0);
  return [...ratios(asking, bare), goal === undefined ? "" : `<= ${goal}`];
}

/** Nobody is asked: what is left is one publish. */
async function measureAlone(): Promise<string[]> {
  const bare: number[] = [];
  const asking: number[] = [];
  for (let i = -WARM_UP; i < SAMPLES; i++) {
    const gate = await newGate();
    const event = `bare-${i + WARM_UP}`;
    const subject = subjects.hook({ host: bus.host.name, hook: hook.hook, container: hook.container, event });
    const body = JSON.stringify(hook);
    const one = await timed(() => bus.js.publish(subject, body));
    const other = await timed(() => gate.ask(hook));
    if (i < 0) continue;
    bare.push(one);
    asking.push(other);
  }
  return [...ratios(asking, bare), ""];
}

function ratios(values: readonly number[], bare: readonly number[]): string[] {
  return [0.5, 0.99].map((q) => times(quantile(values, q), quantile(bare, q)));
}

/** A run has one event of a hook and container, so each sample is a run of its own. */
async function newGate(): Promise<Gate> {
  const journal = await Journal.open(bus, `bench${runs.next().value ?? ""}`);
  return new Gate(bus, journal, { participants: known, doorbell, mode: "update" });
}

function asked(): readonly unknown[] {
  return known.askedAt(hook.hook, bus.host.name, { executor: settings.HOOK_EXECUTOR, others: true });
}

async function operate(...words: readonly string[]): Promise<void> {
  const { code, err } = await command({ NATS_URL: server.url }, words);
  if (code !== 0) throw new Error(`ouroboros ${words.join(" ")} ended with ${code}: ${err}`);
}

function* numbers(): Generator<number> {
  for (let i = 1; ; i++) yield i;
}
