// The look-ups of one host: 200 containers of 100 images, at a registry that takes 50 ms for each request. Cold; where another
// host of the fleet has just asked (SHARE_LOOK_UPS); beside the way of Ouroboros 1, which pulls the image of each container to see
// whether it is newer. Then 100 cycles at which nothing has to be asked. The containers are facts: no Engine runs 200 for
// this. The registry, NATS and the pulls are real.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect } from "nats";
import { pino } from "pino";
import { SharedLooks } from "../services/poller/ledger/shared-looks.ts";
import { type Candidate, makePlan } from "../services/poller/plan/plan.ts";
import { refsToAsk } from "../services/poller/plan/latest-only.ts";
import { systemClock } from "../shared/clock.ts";
import { BUCKETS } from "../shared/contract/subjects.ts";
import { ensureTopology } from "../shared/nats/topology.ts";
import { parseImageRef } from "../shared/registry/image-ref.ts";
import { engine, hubControl, pushApp, startNats } from "../test/bed/bed.ts";
import { registries } from "../test/services/poller/registry-client.ts";
import { pull } from "../test/support/containers.ts";
import { PLAIN_FACTS } from "../test/support/plain-facts.ts";
import { formatRatio, goalFor, report, timed } from "./bench-report.ts";

const CONTAINERS = 200;
const IMAGES = 100;
const REGISTRY_MS = 50;
/** What a registry is asked side by side (registries.ts). */
const SIDE_BY_SIDE = 10;
const IDEAL_MS = (IMAGES / SIDE_BY_SIDE) * REGISTRY_MS;
const CYCLES = 100;
const INTERVAL_MS = 300_000;

await using h1 = engine(1);
await using server = await startNats();
const nats = await connect({ servers: server.url });
const manager = await jetstreamManager(nats);
await ensureTopology(nats, manager);
const bucket = await new Kvm(jetstream(nats)).open(BUCKETS.looks);

const candidates = await pushImages();
for (const { ref } of candidates.slice(0, IMAGES)) await pull(h1, ref.familiar);
const { answers, rows } = await measureLookUps();
const idle = await measureIdle(answers);
await nats.close();
await report(
  "host-look-ups",
  `${CONTAINERS} containers of ${IMAGES} images, ${REGISTRY_MS} ms for each request to the registry. Ratios to ${IDEAL_MS} ms, which ` +
    `the requests take ${SIDE_BY_SIDE} at a time:`,
  [["", "requests for manifests", "goal", "ratio", "goal"], ...rows],
);
await report("idle-cycles", `${CYCLES} cycles of the same, at which nothing has to be asked:`, [
  ["", "measured", "goal"],
  ...idle,
]);

/** A candidate for each container; the first hundred have different images. */
async function pushImages(): Promise<readonly Candidate[]> {
  const images: Pick<Candidate, "ref" | "digests">[] = [];
  for (let n = 0; n < IMAGES; n++) {
    const { reference, digest } = await pushApp(`ghcr.io/host/app-${n}`, "1");
    const ref = parseImageRef(reference);
    if (ref !== undefined) images.push({ ref, digests: [digest] });
  }
  return Array.from({ length: CONTAINERS }, (_, n) => {
    const { ref, digests } = images[n % IMAGES] ?? {};
    if (ref === undefined || digests === undefined) throw new Error("an image is missing");
    const name = `app-${n}`;
    const facts = { ...PLAIN_FACTS, id: name, name, reference: ref.familiar, imageId: digests[0] ?? "" };
    return { facts, ref, digests, isProven: true };
  });
}

/** A poller's look-ups, with nothing that it remembers. */
function openHost(host: string): { readonly look: () => ReturnType<SharedLooks["digestsOf"]> } {
  const client = registries();
  const looks = new SharedLooks({
    ...{ host, believed: ["*"], bucket, manager, clock: systemClock },
    log: pino({ level: "silent" }),
    registries: {
      digestsOf: (wanted, signal) => client.digestsOf(wanted, signal),
      isLocal: (ref) => client.isLocal(ref),
      sendsLogin: (registry, signal) => client.sendsLogin(registry, signal),
      noteAnswer: (familiar, answer, ageMs) => client.recent.note(familiar, answer, ageMs),
    },
  });
  const extent = { freshMs: INTERVAL_MS, isCurrent: () => true, signal: new AbortController().signal };
  return { look: () => looks.digestsOf(refsToAsk(candidates, false), { ...extent, now: systemClock.now() }) };
}

async function measureLookUps() {
  await using _slow = await hubControl.faults([{ delay: REGISTRY_MS }]);
  let answers: Awaited<ReturnType<SharedLooks["digestsOf"]>> = new Map();
  const counted = async (work: () => Promise<unknown>) => {
    await hubControl.clearLog();
    const ms = await timed(work);
    const requests = (await hubControl.log()).filter(({ path }) => path.includes("/manifests/")).length;
    return { ms, requests };
  };
  const cold = await counted(async () => void (answers = await openHost("first").look()));
  const fresh = await counted(() => openHost("second").look());
  const pulls = await counted(async () => {
    for (const { ref } of candidates) await pull(h1, ref.familiar);
  });
  if (cold.requests !== IMAGES || answers.size !== IMAGES) process.exitCode = 1;
  const row = (says: string, { ms, requests }: typeof cold, most?: number, slowest?: number): string[] => [
    ...[says, String(requests), goalFor(requests, most)],
    ...[formatRatio(ms, IDEAL_MS), goalFor(ms / IDEAL_MS, slowest, " x")],
  ];
  const rows = [
    row("cold", cold, IMAGES, 3),
    row("fresh in the fleet", fresh, 0, 3),
    row("Ouroboros' way: pulls", pulls),
  ];
  return { answers, rows };
}

async function measureIdle(answers: Awaited<ReturnType<SharedLooks["digestsOf"]>>): Promise<string[][]> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const host = openHost("first");
  const cycle = async (): Promise<void> => {
    await host.look();
    const all = candidates.map(({ facts }) => facts);
    const plan = makePlan({ candidates, answers, held: new Map(), all, now: systemClock.now(), compat: [] });
    if (plan.groups.length > 0) throw new Error("something is due");
  };
  const heap = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  for (let n = 0; n < 10; n++) await cycle(); // what is compiled and cached once
  const [before, from] = [heap(), process.cpuUsage()];
  for (let n = 0; n < CYCLES; n++) await cycle();
  const { user, system } = process.cpuUsage(from);
  const grown = (heap() / before - 1) * 100;
  return [
    ["CPU for each, ms", ((user + system) / 1000 / CYCLES).toFixed(1), ""],
    ["growth of the heap in use", `${grown.toFixed(1)} %`, goalFor(grown, 10, " %")],
  ];
}
