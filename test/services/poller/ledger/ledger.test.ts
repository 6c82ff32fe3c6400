// The ledger of a host on a real nats-server: stored, joined, and kept without it.
import assert from "node:assert/strict";
import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type NatsConnection, connect } from "nats";
import { pino } from "pino";
import { Ledger, type TagObservation } from "../../../../services/poller/ledger/ledger.ts";
import { LedgerEntry } from "../../../../shared/contract/ledger.ts";
import { BUCKETS, ledgerKey } from "../../../../shared/contract/subjects.ts";
import { ensureTopology } from "../../../../shared/nats/topology.ts";
import { type NatsServer, startNats } from "../../../bed/bed.ts";
import { until } from "../../../support/until.ts";

const [HOST, PLATFORM, IMAGE] = ["web-01.example", "linux/amd64", "ghcr.io/acme/shop:1"];
const T0 = Date.UTC(2026, 0, 1);
const seen = (digest: string, at: number, image = IMAGE): TagObservation => ({
  image,
  onTag: { digest, at: T0 + at },
  running: new Map([["running", 1]]),
});

describe("the ledger of a host", () => {
  let server: NatsServer;
  let nats: NatsConnection;
  let manager: JetStreamManager;
  let bucket: KV;
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const open = (): Ledger => new Ledger({ host: HOST, platform: PLATFORM, bucket, manager, log });
  const stored = async (image = IMAGE): Promise<LedgerEntry> =>
    LedgerEntry.parse((await bucket.get(ledgerKey(HOST, image, PLATFORM)))?.json());
  const digestsOf = ({ stays }: LedgerEntry): string[] => stays.map(({ digest }) => digest);

  before(async () => {
    server = await startNats();
    nats = await connect({
      servers: server.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      timeout: 2000,
    });
    manager = await jetstreamManager(nats, { checkAPI: false, timeout: 1000 });
    bucket = await new Kvm(jetstream(nats, { timeout: 1000 })).open(BUCKETS.ledger);
  });
  after(async () => {
    await nats.close();
    await server[Symbol.asyncDispose]();
  });

  it("is kept in memory where NATS has no such bucket, and says so once", async () => {
    const ledger = open();
    for (const at of [0, 10]) {
      await ledger.note([seen("a", at)], T0 + at);
      await ledger.save();
    }
    assert.deepEqual(digestsOf(ledger.entryOf(IMAGE)), ["a"]);
    assert.equal(lines.filter((line) => line.includes("the ledger is kept in memory")).length, 1);
    await ensureTopology(nats, manager);
    await ledger.save();
    assert.deepEqual(digestsOf(await stored()), ["a"]);
  });

  it("goes on from what an earlier poller stored", async () => {
    const ledger = open();
    await ledger.note([seen("b", 1000)], T0 + 1000);
    ledger.noteEnd({ image: IMAGE, digest: "b", end: "rolled_back", at: T0 + 1000 });
    await ledger.save();
    const { stays, uses } = await stored();
    assert.deepEqual(
      stays.map(({ digest, from }) => [digest, Date.parse(from) - T0]),
      [
        ["a", 0],
        ["b", 1000],
      ],
    );
    assert.deepEqual(
      uses.map(({ digest, containers, ends }) => [digest, containers, ends]),
      [
        ["running", 1, {}],
        ["b", 0, { rolled_back: 1 }],
      ],
    );
  });

  it("keeps the tags of a repository, which an image of it has not", async () => {
    const repository = "ghcr.io/acme/shop";
    const tagsOf = (ledger: Ledger) => ledger.tagsOf(repository).map(({ tag }) => tag);
    const tags = ["1.5.0", "1.6.0"].map((tag, n) => ({ tag, from: new Date(T0 + n).toISOString() }));
    const first = open();
    first.noteTags(repository, tags);
    await first.save();
    const second = open();
    await second.read([repository]);
    assert.deepEqual(tagsOf(second), ["1.5.0", "1.6.0"]);
    second.noteTags(repository, tags.slice(1));
    await second.save();
    const third = open();
    third.noteTags(repository, [{ tag: "1.7.0", from: new Date(T0).toISOString() }]); // before it could read
    await third.read([repository, IMAGE]);
    assert.deepEqual([tagsOf(third), third.tagsOf(IMAGE)], [["1.6.0", "1.7.0"], []]);
  });

  it("is not written where nothing has changed but the time, within an hour", async () => {
    const ledger = open();
    await ledger.note([seen("b", 1000)], T0 + 1000);
    await ledger.save();
    const { revision } = (await bucket.get(ledgerKey(HOST, IMAGE, PLATFORM))) ?? {};
    await ledger.note([seen("b", 3_000_000)], T0 + 3_000_000);
    await ledger.save();
    assert.equal((await bucket.get(ledgerKey(HOST, IMAGE, PLATFORM)))?.revision, revision);
    await ledger.note([seen("b", 3_700_000)], T0 + 3_700_000);
    await ledger.save();
    assert.equal(Date.parse((await stored()).stays.at(-1)?.to ?? "") - T0, 3_700_000);
  });

  it("is joined with what another process of the host has stored meanwhile, and counts nothing twice", async () => {
    const [one, other] = [open(), open()];
    for (const ledger of [one, other]) await ledger.note([seen("b", 4_000_000)], T0 + 4_000_000);
    one.noteEnd({ image: IMAGE, digest: "c", end: "failed", at: T0 + 4_000_000 });
    await one.note([seen("c", 5_000_000)], T0 + 5_000_000);
    await one.save();
    other.noteEnd({ image: IMAGE, digest: "c", end: "updated", at: T0 + 4_000_000 });
    await other.note([seen("d", 6_000_000)], T0 + 6_000_000);
    await other.save();
    const { stays, uses } = await stored();
    assert.deepEqual(
      stays.map(({ digest }) => digest),
      ["a", "b", "c", "d"],
    );
    assert.deepEqual(uses.find(({ digest }) => digest === "c")?.ends, { failed: 1, updated: 1 });
    assert.deepEqual(uses.find(({ digest }) => digest === "b")?.ends, { rolled_back: 1 });
  });

  it("goes on by itself while NATS is away, and is stored when that is back", async () => {
    const ledger = open();
    const image = "ghcr.io/acme/shop:away";
    await server.kill();
    await ledger.note([seen("a", 0, image)], T0);
    await ledger.note([seen("b", 1000, image)], T0 + 1000);
    await ledger.save();
    assert.deepEqual(digestsOf(ledger.entryOf(image)), ["a", "b"]);
    await server.restart();
    const isConnected = () =>
      nats.rtt().then(
        () => true,
        () => false,
      );
    await until("it is connected again", isConnected);
    await ledger.save();
    assert.deepEqual(digestsOf(await stored(image)), ["a", "b"]);
  });

  it("takes what it cannot read for nothing, and writes over it", async () => {
    const image = "ghcr.io/acme/shop:broken";
    await bucket.put(ledgerKey(HOST, image, PLATFORM), "no entry");
    const ledger = open();
    await ledger.note([seen("a", 0, image)], T0);
    await ledger.save();
    assert.deepEqual(digestsOf(await stored(image)), ["a"]);
  });
});
