// Twenty containers of twenty images, behind a registry that takes 50 ms for each request: the product's own processes,
// with one and with four swap places, and the way of the Python Ouroboros by bare calls to the same Engine, those that it
// makes itself (pull every image to see whether it is newer; then stop, remove, create, take its networks away and give
// them back, and start, one container after the other). In turns, and for new images of two kinds: what differs most
// between the ways is who waits for the pulls.
import { randomBytes } from "node:crypto";
import { engine, hubControl } from "../test/bed/bed.ts";
import { deploy, overview, pull, release } from "../test/support/containers.ts";
import { startStack } from "../test/support/stack.ts";
import { until } from "../test/support/until.ts";
import { formatRatio, goalFor, median, report, timed } from "./bench-report.ts";

const ROUNDS = 3;
const CONTAINERS = 20;
const REGISTRY_MS = 50;

/** What is new in an image: as many layers beside a small one, of 256 KiB each. */
const kinds = [
  { says: "a rebuilt image: six new layers", layers: 6 },
  { says: "one small new layer", layers: 0 },
];

const names = Array.from({ length: CONTAINERS }, (_, at) => `app-${at + 1}`);
const imageOf = (name: string): string => `ghcr.io/fleet/${name}`;
let version = 1;

await using h1 = engine(1);
const { docker } = h1;
for (const name of names) await deploy(h1, name, { image: imageOf(name) });
await using _slow = await hubControl.faults([{ delay: REGISTRY_MS }]);

/** Stands before the images are released; what is measured is `update`. */
interface Standing extends AsyncDisposable {
  readonly update: () => Promise<void>;
}
const ways = [
  { says: "Ouroboros' way", most: undefined, stand: ancestor },
  { says: "SWAPS=1", most: 1, stand: () => product(1) },
  { says: "SWAPS=4", most: 0.5, stand: () => product(4) },
];
const columns: number[][] = [];
for (const { layers } of kinds) {
  const took = ways.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, { stand }] of ways.entries()) {
      await using standing = await stand();
      await releaseAll(layers);
      took[at]?.push(await timed(standing.update));
      await allRunNew();
    }
  }
  const floor = median(took[0] ?? []);
  columns.push(took.map((some) => median(some) / floor));
}
const rows = ways.map(({ says, most }, at) => {
  const ratios = columns.map((column) => column[at] ?? Number.NaN);
  return [says, ...ratios.map((ratio) => formatRatio(ratio, 1)), goalFor(Math.max(...ratios), most)];
});
await report(
  "fleet",
  `${CONTAINERS} independent containers, ${REGISTRY_MS} ms for each request to the registry, SETTLE_TIME 200 ms, ` +
    `Engine ${(await docker.version()).Version}. Ratios of the total time, median of ${ROUNDS}, in turns:`,
  [["", ...kinds.map(({ says }) => says), "goal"], ...rows],
);

async function releaseAll(layers: number): Promise<void> {
  version += 1;
  const bytes = Array.from({ length: layers }, () => randomBytes(256 * 1024));
  await Promise.all(names.map((name) => release(imageOf(name), String(version), { layers: bytes })));
}

function ancestor(): Promise<Standing> {
  return Promise.resolve({ update: oneAfterTheOther, [Symbol.asyncDispose]: () => Promise.resolve() });
}

async function oneAfterTheOther(): Promise<void> {
  for (const name of names) await pull(h1, `${imageOf(name)}:latest`);
  for (const name of names) {
    const container = docker.getContainer(name);
    const { Config, NetworkSettings } = await container.inspect();
    await container.stop();
    await container.remove();
    const successor = await docker.createContainer({ name, Image: Config.Image });
    for (const { NetworkID } of Object.values(NetworkSettings.Networks)) {
      const network = docker.getNetwork(NetworkID);
      await network.inspect();
      await network.disconnect({ Container: successor.id, Force: true });
      await network.connect({ Container: successor.id });
    }
    await successor.start();
  }
}

async function product(places: number): Promise<Standing> {
  const stack = await startStack({
    engine: h1,
    services: ["updater", "poller"], // no hooks, as there are none in the other way
    env: { SWAPS: String(places), SETTLE_TIME: "200ms", HOOK_EXECUTOR: "off", LOG_LEVEL: "info" },
  });
  await stack.check();
  const update = async (): Promise<void> => {
    await stack.check();
    const isOver = () => stack.records.some(({ kind }) => kind === "finished");
    await until("the run is over", isOver, { within: 120_000 });
  };
  return { update, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() };
}

async function allRunNew(): Promise<void> {
  const found = await overview(h1);
  const expected = names.map((name) => `${name} running ${version}`).sort();
  if (found.join() !== expected.join())
    throw new Error(`not all run version ${version}: ${found.join(", ")}`);
}
