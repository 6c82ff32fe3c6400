// How long an update keeps a container down: updates by the product's own processes and bare stop + start of the same
// container by the Engine alone, in turns. Seen by who calls (from the stop call to the end of the start call; the
// updater's own figure is the journal's) and by the Engine (from FinishedAt to StartedAt).
import type Docker from "dockerode";
import { type Engine, engine } from "../test/bed/bed.ts";
import { deploy, release } from "../test/support/containers.ts";
import { startStack } from "../test/support/stack.ts";
import { until } from "../test/support/until.ts";
import { formatRatio, goalFor, median, report, timed } from "./bench-report.ts";

const UPDATES = 20;
const WARM_UP = 2;
const NAME = "web";

/** Milliseconds. */
interface Gap {
  readonly called: number;
  readonly seen: number;
}

await using h1 = engine(1);
const { docker } = h1;
const networks = { front: {}, back: {} };
for (const Name of Object.keys(networks)) await docker.createNetwork({ Name });
await deploy(h1, NAME, {
  create: {
    HostConfig: { NetworkMode: "front", PortBindings: { "8080/tcp": [{ HostPort: "8080" }] } },
    NetworkingConfig: { EndpointsConfig: networks },
  },
});
await using stack = await startStack({
  engine: h1,
  services: ["updater", "poller"],
  env: { HOOK_EXECUTOR: "off", CLEANUP: "true" },
});
await stack.check();

const bare: Gap[] = [];
const updates: Gap[] = [];
for (let i = 1 - WARM_UP; i <= UPDATES; i++) {
  const [one, other] = [await stopAndStart(h1), await update(i + WARM_UP)];
  if (i < 1) continue;
  bare.push(one);
  updates.push(other);
}
const medianOf = (gaps: readonly Gap[], of: keyof Gap): number => median(gaps.map((gap) => gap[of]));
const ratio = (of: keyof Gap): string => formatRatio(medianOf(updates, of), medianOf(bare, of));
const goal = goalFor(medianOf(updates, "called") / medianOf(bare, "called"), 1.1);
await report(
  "downtime",
  `A container with two networks and a published port, Engine ${(await docker.version()).Version}. ` +
    `Ratios to bare stop + start of the same container, median of ${UPDATES}, in turns:`,
  [
    ["", "ratio", "goal"],
    ["from the stop call to the end of the start call", ratio("called"), goal],
    ["the Engine's FinishedAt to StartedAt", ratio("seen"), ""],
  ],
);

async function stopAndStart(on: Engine): Promise<Gap> {
  const container = on.docker.getContainer(NAME);
  const called = await timed(async () => {
    await container.stop();
    await container.start();
  });
  const { State: state } = await container.inspect();
  return { called, seen: Date.parse(state.StartedAt) - Date.parse(state.FinishedAt) };
}

async function update(nth: number): Promise<Gap> {
  const old = await docker.getContainer(NAME).inspect();
  await release(`apps/${NAME}`, String(nth + 1));
  const finished = finishedAt(old.Id);
  await stack.check();
  const ended = await stack.awaitResult(NAME, { nth });
  if (ended.end !== "updated" || ended.downtime_ms === undefined)
    throw new Error(`an update ended as ${ended.end}: ${ended.because}`);
  await until(
    "the run is over",
    () => stack.records.filter(({ kind }) => kind === "finished").length === nth,
  );
  const { State: state } = await docker.getContainer(NAME).inspect();
  return { called: ended.downtime_ms, seen: Date.parse(state.StartedAt) - (await finished) };
}

/** The old container is removed at the end of the update, so it is asked as soon as it has ended. */
async function finishedAt(id: string): Promise<number> {
  const container: Docker.Container = docker.getContainer(id);
  await container.wait({ condition: "not-running" });
  return Date.parse((await container.inspect()).State.FinishedAt);
}
