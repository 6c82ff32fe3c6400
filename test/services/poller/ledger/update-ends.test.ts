// How updates of a host end, as its ledger hears and reads it, on a real nats-server.
import assert from "node:assert/strict";
import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { after, before, describe, it } from "mocha";
import { type NatsConnection, connect } from "nats";
import { pino } from "pino";
import { Ledger } from "../../../../services/poller/ledger/ledger.ts";
import { followUpdateEnds, noteHeldRollbacks } from "../../../../services/poller/ledger/update-ends.ts";
import type { Candidate } from "../../../../services/poller/plan/plan.ts";
import type { Polling } from "../../../../services/poller/polling.ts";
import { systemClock } from "../../../../shared/clock.ts";
import type { HeldEntry } from "../../../../shared/contract/held-entry.ts";
import { BUCKETS, STREAMS, consumers, subjects } from "../../../../shared/contract/subjects.ts";
import { ensureTopology } from "../../../../shared/nats/topology.ts";
import { parseImageRef } from "../../../../shared/registry/image-ref.ts";
import { type NatsServer, startNats } from "../../../bed/bed.ts";
import { PLAIN_FACTS } from "../../../support/plain-facts.ts";
import { until } from "../../../support/until.ts";

const [HOST, IMAGE] = ["web01", "ghcr.io/acme/shop:1"];
const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;
const [RUNS, NEWER] = [digestOf("a"), digestOf("b")];

describe("the ledger of a host counts", () => {
  let server: NatsServer;
  let nats: NatsConnection;
  let manager: JetStreamManager;
  let ledger: Ledger;
  const clock = { ...systemClock, now: () => 0 };
  const polling = () =>
    ({
      nats,
      manager,
      ledger,
      clock,
      host: { name: HOST, engine: { os: "linux", arch: "amd64" } },
    }) as Polling;
  const endsOf = (digest: string) => ledger.entryOf(IMAGE).uses.find((use) => use.digest === digest)?.ends;
  const noteHold = (hold: Partial<HeldEntry>): Promise<void> => {
    const ref = parseImageRef(IMAGE);
    assert.ok(ref !== undefined);
    const facts = { ...PLAIN_FACTS, id: "1", name: "shop", reference: IMAGE, imageId: RUNS };
    const candidates: Candidate[] = [{ facts, ref, digests: [RUNS], isProven: true }];
    const held = { digest: NEWER, because: "unhealthy", by: "updater", until: null, tries: 1, ...hold };
    return noteHeldRollbacks(polling(), { candidates, held: new Map([["shop", held]]) });
  };

  before(async () => {
    server = await startNats();
    nats = await connect({ servers: server.url, reconnect: false });
    manager = await jetstreamManager(nats, { timeout: 1000 });
    await ensureTopology(nats, manager);
    await manager.consumers.add(STREAMS.hooks, {
      durable_name: consumers.updater(HOST),
      ack_policy: "explicit",
    });
    const bucket = await new Kvm(jetstream(nats)).open(BUCKETS.ledger);
    const log = pino({ enabled: false });
    ledger = new Ledger({ host: HOST, platform: "linux/amd64", bucket, manager, log });
  });
  after(async () => {
    await nats.close();
    await server[Symbol.asyncDispose]();
  });

  it("no hold of an image that it has not seen on the tag", async () => {
    await noteHold({ end: "rolled_back" });
    assert.equal(endsOf(NEWER), undefined);
  });

  it("a roll-back that it did not hear of, once", async () => {
    for (const [n, digest] of [RUNS, NEWER].entries())
      await ledger.note([{ image: IMAGE, onTag: { digest, at: n }, running: new Map([[RUNS, 1]]) }], n);
    for (const end of ["deferred", "failed", "refused"] as const) await noteHold({ end });
    assert.equal(endsOf(NEWER), undefined);
    for (const end of ["rolled_back", "rolled_back", "stuck"] as const) await noteHold({ end });
    assert.deepEqual(endsOf(NEWER), { rolled_back: 1 });
  });

  it("what it hears, at the time of the NATS server, and no rollback that the operator asked for", async () => {
    using _ends = followUpdateEnds(polling());
    const begun = Date.now();
    const digest = digestOf("c");
    const record = {
      ...{ writer: "w", n: 1, at: new Date(0).toISOString(), host: HOST, run: "r1" },
      ...{ kind: "ended", container: "shop", end: "updated", because: "it proved itself", image: IMAGE },
      to_digest: `ghcr.io/acme/shop@${digest}`,
    };
    const before = digestOf("d");
    const rollback = { ...record, by: "operator", to_digest: `ghcr.io/acme/shop@${before}` };
    for (const ended of [rollback, record])
      await jetstream(nats).publish(subjects.run(HOST, "r1"), JSON.stringify(ended));
    await until("it is counted", () => endsOf(digest) !== undefined);
    assert.deepEqual([endsOf(digest), endsOf(before)], [{ updated: 1 }, undefined]);
    const since = ledger.entryOf(IMAGE).uses.find((use) => use.digest === digest)?.since ?? "";
    assert.ok(Date.parse(since) >= begun - 1000, since);
  });
});
