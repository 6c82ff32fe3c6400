// What an hour's events leave in the memory of the dashboard: nothing. 36,000 records, ten a second, are sent at once.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "mocha";
import type { RecordBody } from "../../../shared/contract/run-records.ts";
import { eventId, subjects } from "../../../shared/contract/subjects.ts";
import { writeSection } from "../../support/docs-sections.ts";
import type { Process } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { type DashboardScene, asked, hostEntry, openScene, openStream, readState, signIn } from "./scene.ts";

const PROGRAM = join(import.meta.dirname, "heap-reporting-dashboard.js");
const HOSTS = 200;
const CONTAINERS = Array.from({ length: 50 }, (_, index) => `container-${index}`);
/** Records of one update, and of one run with 50 of them. */
const OF_UPDATE = 9;
const OF_RUN = CONTAINERS.length * OF_UPDATE + 2;
const THIRD = Math.ceil(12_000 / OF_RUN);
const MAX_GROWTH_MB = 3;

describe("the memory of the dashboard", () => {
  it("is the same after each third of an hour's events, whatever pages are open", async () => {
    await using scene = await openScene();
    for (let host = 0; host < HOSTS; host += 1) await scene.putHost(`host-${host}`, hostEntry(CONTAINERS));
    const send = makeSender(scene);
    await using service = await scene.start({}, PROGRAM);
    const viewer = await signIn(scene, "viewer");
    const { id } = await readState(viewer, "lines");
    const topics = "hosts,containers,pending,runs,lines,results,participants";
    await using _page = await openStream(scene, viewer, { path: `/api/events?topics=${topics}&after=${id}` });
    const caughtUp = async (): Promise<void> => {
      const last = await scene.record({ kind: "did", container: "x", step: "the last one", ms: 1 });
      await until(
        "all is read",
        async () => (await readState(viewer, "lines")).changes.some(({ key }) => key === String(last)),
        { within: 280_000, every: 1000, explain: service.log },
      );
    };
    // what it keeps has limits: they are reached first
    for (let run = 0; run < 10_600 / CONTAINERS.length; run += 1)
      await send(`filling-${run}`, [...CONTAINERS.map(endOf)]);
    for (let run = 0; run < THIRD; run += 1) await send(`before-${run}`, runOf(`before-${run}`));
    await caughtUp();
    const heaps = [await heapMb(service)];
    for (const third of ["first", "second", "third"]) {
      for (let run = 0; run < THIRD; run += 1) {
        const name = `${third}-${run}`;
        await send(name, runOf(name));
        await scene.putHost(`host-${run}`, hostEntry([...CONTAINERS, name]));
      }
      await caughtUp();
      heaps.push(await heapMb(service));
    }
    console.log(`      heap before and after each third: ${heaps.map((mb) => mb.toFixed(1)).join(", ")} MB`);
    const [before = 0, first = 0, second = 0, third = 0] = heaps;
    await writeSection(
      "dashboard-hour",
      `An hour of a fleet that writes ten records a second, ${HOSTS} hosts with ${CONTAINERS.length} containers each: ${before.toFixed(1)} MB in use on the heap before, ${first.toFixed(1)}, ${second.toFixed(1)} and ${third.toFixed(1)} MB after each third of it, with a page open that shows everything. At most ${MAX_GROWTH_MB} MB more after the second and the last than after the first.`,
    );
    assert.ok(second - first < MAX_GROWTH_MB && third - first < MAX_GROWTH_MB, heaps.join(", "));
  }).timeout(1_500_000);
});

/** Sends the records of a run in their order, many at a time. */
function makeSender({ js }: DashboardScene): (run: string, bodies: readonly RecordBody[]) => Promise<void> {
  let n = 0;
  return async (run, bodies) => {
    const host = `host-${(n += 1) % HOSTS}`;
    const at = new Date().toISOString();
    const stored = bodies.map((body, index) =>
      js.publish(
        subjects.run(host, run),
        JSON.stringify({ ...body, writer: "w", n: index + 1, at, host, run }),
      ),
    );
    await Promise.all(stored);
  };
}

function runOf(run: string): RecordBody[] {
  return [
    { kind: "begun", plan: run, mode: "update", containers: CONTAINERS },
    ...CONTAINERS.flatMap((container) => updateOf(run, container)),
    { kind: "finished", ends: {}, ms: 60_000 },
  ];
}

function updateOf(run: string, container: string): RecordBody[] {
  const gate = (hook: "before_update" | "after_update"): RecordBody[] => {
    const event = eventId(run, hook, container);
    const verdicts = ["board", "exec_h1"].map((participant) => ({
      ...{ participant, verdict: "proceed" as const, ms: 40, reason: `${run} is fine` },
    }));
    return [
      { kind: "waiting", event, hook, container, participants: [asked("board"), asked("exec_h1")] },
      { kind: "decided", event, hook, container, verdict: "proceed", verdicts },
    ];
  };
  return [
    { kind: "did", container, step: `pull apps/${container}`, ms: 800 },
    ...gate("before_update"),
    { kind: "swapping", container, old_id: "a", new_id: "b", to: "c" },
    { kind: "swapped", container, steps: [{ step: "stop the old container", ms: 300 }], downtime_ms: 700 },
    ...gate("after_update"),
    { kind: "late", event: eventId(run, "before_update", container), participant: "late", verdict: "refuse" },
    endOf(container),
  ];
}

const endOf = (container: string): RecordBody => ({
  ...{ kind: "ended", container, end: "updated", because: "it has proved itself" },
  ...{ image: `apps/${container}`, from_version: "1.0", to_version: "1.1", downtime_ms: 700, ms: 9000 },
});

async function heapMb(service: Process): Promise<number> {
  const written = (): number[] =>
    [...service.log().matchAll(/^heap (\d+)$/gm)].map(([, bytes]) => Number(bytes));
  const before = written().length;
  service.kill("SIGUSR2");
  const bytes = await until("the heap is told", () => written()[before]);
  return bytes / 2 ** 20;
}
