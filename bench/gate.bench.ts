// What a hook costs: the updater's own gate in this process, participants in others, one real nats-server between
// them. From "publish" to "the decision is in the journal", as a ratio to a bare request and its reply between two
// processes over the same server; and a hook that nobody is asked at, as a ratio to one bare publish to its stream.
import type { Gate } from "../services/updater/gate/gate.ts";
import { subjects } from "../shared/contract/subjects.ts";
import { engine, startNats } from "../test/bed/bed.ts";
import { beforeUpdateOf, gateScene } from "../test/support/gate-scene.ts";
import { ECHO } from "./echo-subject.ts";
import { startChildProcesses } from "./child-processes.ts";
import { formatRatio, goalFor, quantile, report, timed } from "./bench-report.ts";

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
await using _echo = await startChildProcesses("gate-participants.js", [[server.url]]);
await using scene = await gateScene(h1, server.url);
const { bus } = scene;
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
  await scene.register(hook.hook, names);
  const shares = Array.from({ length: processes }, (_, i) =>
    names.filter((_name, at) => at % processes === i),
  );
  await using _others = await startChildProcesses(
    "gate-participants.js",
    shares.map((share) => [server.url, ...share]),
  );
  const bare: number[] = [];
  const asking: number[] = [];
  for (let i = -WARM_UP; i < SAMPLES; i++) {
    const gate = await newGate();
    const [one, other] = [await timed(() => bus.nats.request(ECHO)), await timed(() => gate.ask(hook))];
    if (i < 0) continue;
    bare.push(one);
    asking.push(other);
  }
  await scene.unregister(hook.hook, names);
  return [...ratios(asking, bare), goalFor(quantile(asking, 0.5) / quantile(bare, 0.5), goal)];
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
  return [0.5, 0.99].map((q) => formatRatio(quantile(values, q), quantile(bare, q)));
}

/** Each sample is a run of its own. */
function newGate(): Promise<Gate> {
  return scene.newGate(`bench${runs.next().value ?? ""}`);
}

function* numbers(): Generator<number> {
  for (let i = 1; ; i++) yield i;
}
