// SHARE_LOOK_UPS: 1,000 pollers with the same 50 images, each with an interval of its own, over one real nats-server. What
// they ask is counted from what they write on NATS: a lease for each look-up. The registry takes 50 ms.
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { KvWatchInclude, Kvm } from "@nats-io/kv";
import { connect } from "nats";
import { pino } from "pino";
import { SharedLooks } from "../services/poller/ledger/shared-looks.ts";
import { systemClock } from "../shared/clock.ts";
import { BUCKETS } from "../shared/contract/subjects.ts";
import { ensureTopology } from "../shared/nats/topology.ts";
import { parseImageRef } from "../shared/registry/image-ref.ts";
import { startNats } from "../test/bed/bed.ts";
import { goalFor, report } from "./bench-report.ts";

const POLLERS = 1000;
const IMAGES = 50;
const CONNECTIONS = 20;
const REGISTRY_MS = 50;
const INTERVAL_MS = 40_000;
const INTERVALS = 2;

const DIGEST = `sha256:${"1".repeat(64)}`;
const refs = Array.from({ length: IMAGES }, (_, n) => parseImageRef(`ghcr.io/fleet/app-${n}:1`)).filter(
  (ref) => ref !== undefined,
);

await using server = await startNats();
const connections = await Promise.all(
  Array.from({ length: CONNECTIONS }, () => connect({ servers: server.url })),
);
const [watcher = await connect({ servers: server.url })] = connections;
await ensureTopology(watcher, await jetstreamManager(watcher));
let requests = 0;
const pollers = await Promise.all(Array.from({ length: POLLERS }, (_, n) => openPoller(n)));
const leases: number[] = [];
const began = performance.now(); // not before all are open: those that are late would look at the same moment
const bucket = await new Kvm(jetstream(watcher)).open(BUCKETS.looks);
// What is stored: on the subject itself one also hears the leases that came second and were refused.
const watch = await bucket.watch({ key: "*", include: KvWatchInclude.UpdatesOnly });
const counting = (async () => {
  for await (const _lease of watch) leases.push(performance.now() - began);
})();
await Promise.all(pollers.map((look, n) => live(look, (n / POLLERS) * INTERVAL_MS)));
const perInterval = Array.from(
  { length: INTERVALS },
  (_, k) => leases.filter((at) => Math.floor(at / INTERVAL_MS) === k).length,
);
watch.stop();
await counting;
for (const nats of connections) await nats.close();
const most = Math.max(...perInterval);
await report(
  "look-ups",
  `${POLLERS} pollers with the same ${IMAGES} images, spread over the interval, ${REGISTRY_MS} ms for each request:`,
  [
    ["", "look-ups", "goal"],
    ...perInterval.map((count, k) => [`interval ${k + 1}`, String(count), goalFor(count, IMAGES)]),
    ["asked in all", String(requests), goalFor(requests, IMAGES * INTERVALS)],
    ["without sharing, for each interval", String(POLLERS * IMAGES), ""],
  ],
);
if (most > IMAGES) process.exitCode = 1;

async function openPoller(n: number): Promise<() => Promise<unknown>> {
  const nats = connections[n % CONNECTIONS] ?? watcher;
  const looks = new SharedLooks({
    host: `h${n}`,
    believed: ["*"],
    bucket: await new Kvm(jetstream(nats)).open(BUCKETS.looks),
    manager: await jetstreamManager(nats, { checkAPI: false, timeout: 30_000 }),
    clock: systemClock,
    log: pino({ level: "silent" }),
    registries: {
      digestsOf: async (wanted) => {
        requests += wanted.length;
        await systemClock.sleep(REGISTRY_MS);
        return new Map(wanted.map(({ familiar }) => [familiar, { kind: "digest", digest: DIGEST }]));
      },
      isLocal: () => false,
      sendsLogin: () => Promise.resolve(false),
      noteAnswer: () => undefined,
    },
  });
  const signal = new AbortController().signal;
  return () =>
    looks.digestsOf(refs, {
      now: systemClock.now(),
      freshMs: INTERVAL_MS,
      isCurrent: () => true,
      signal,
    });
}

/** Looks in each interval, at the same time of it. */
async function live(look: () => Promise<unknown>, offset: number): Promise<void> {
  for (let k = 0; k < INTERVALS; k++) {
    await systemClock.sleep(began + k * INTERVAL_MS + offset - performance.now());
    await look();
  }
}
