// What a host reads of the ledgers of others, on a real nats-server.
import assert from "node:assert/strict";
import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type NatsConnection, connect } from "nats";
import { pino } from "pino";
import { emptyEntry } from "../../../../services/poller/ledger/observe.ts";
import { readBelieved } from "../../../../services/poller/ledger/read-believed.ts";
import { BUCKETS, ledgerKey } from "../../../../shared/contract/subjects.ts";
import { ensureTopology } from "../../../../shared/nats/topology.ts";
import { type NatsServer, startNats } from "../../../bed/bed.ts";

const [PLATFORM, SHOP, CACHE] = ["linux/amd64", "ghcr.io/acme/shop:1", "redis:7"];
const [STAGING, CANARY_HOST] = ["staging-01.example", "canary"];

describe("the ledgers of other hosts", () => {
  let server: NatsServer;
  let nats: NatsConnection;
  let manager: JetStreamManager;
  let bucket: KV;
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const write = (host: string, image: string, platform = PLATFORM): Promise<number> =>
    bucket.put(ledgerKey(host, image, platform), JSON.stringify(emptyEntry(image, platform)));
  const read = async (images: readonly string[], hosts: readonly string[]) => {
    const host = { engine: { os: "linux", arch: "amd64" } };
    const polling = { manager, host, log } as Parameters<typeof readBelieved>[0];
    const found = await readBelieved(polling, images, hosts);
    return Object.fromEntries(
      [...found].map(([image, ledgers]) => [image, ledgers.map(({ host: of }) => of).sort()]),
    );
  };

  before(async () => {
    server = await startNats();
    nats = await connect({ servers: server.url, reconnect: false });
    manager = await jetstreamManager(nats, { timeout: 1000 });
    await ensureTopology(nats, manager);
    bucket = await new Kvm(jetstream(nats)).open(BUCKETS.ledger);
    for (const host of [STAGING, CANARY_HOST, "web01"]) await write(host, SHOP);
    await write(STAGING, CACHE);
    await write("arm", SHOP, "linux/arm64");
    await bucket.put(ledgerKey("broken", SHOP, PLATFORM), "{}");
    await write("gone", SHOP);
    await bucket.delete(ledgerKey("gone", SHOP, PLATFORM));
  });
  after(async () => {
    await nats.close();
    await server[Symbol.asyncDispose]();
  });

  it("are read of the hosts that are named, by image", async () => {
    assert.deepEqual(await read([SHOP, CACHE], [STAGING, CANARY_HOST]), {
      [SHOP]: [CANARY_HOST, STAGING],
      [CACHE]: [STAGING],
    });
  });

  it("are read of all that run on the same platform and can be understood", async () => {
    assert.deepEqual(await read([SHOP], ["*"]), { [SHOP]: [CANARY_HOST, STAGING, "web01"] });
  });

  it("prove nothing where NATS is away, and the log says so", async () => {
    await server.kill();
    assert.deepEqual(await read([SHOP], ["*"]), {});
    assert.ok(lines.some((line) => line.includes("ledgers of other hosts cannot be read now")));
  });
});
