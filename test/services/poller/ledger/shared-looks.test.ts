// SHARE_LOOK_UPS on a real nats-server, and with a real registry: who asks, and whose answer is taken.
import assert from "node:assert/strict";
import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { type NatsConnection, connect } from "nats";
import { pino } from "pino";
import {
  type AskedRegistries,
  OWN_ANSWER_SLACK_MS,
  SharedLooks,
} from "../../../../services/poller/ledger/shared-looks.ts";
import { systemClock } from "../../../../shared/clock.ts";
import { BUCKETS } from "../../../../shared/contract/subjects.ts";
import { ensureTopology } from "../../../../shared/nats/topology.ts";
import { type NatsServer, hubControl, pushApp, startNats } from "../../../bed/bed.ts";
import { until } from "../../../support/until.ts";
import { DIGEST, digest, ref, registries } from "../registry-client.ts";

const INTERVAL = 300_000;
const TERM = 1000;
const OTHER = `sha256:${"2".repeat(64)}`;

describe("hosts that share their look-ups", () => {
  let server: NatsServer;
  let nats: NatsConnection;
  let manager: JetStreamManager;
  let bucket: KV;

  before(async () => {
    server = await startNats();
    nats = await connect({ servers: server.url });
    manager = await jetstreamManager(nats, { checkAPI: false });
    bucket = await new Kvm(jetstream(nats)).open(BUCKETS.looks);
  });
  after(async () => {
    await nats.close();
    await server[Symbol.asyncDispose]();
  });

  /** A host, and how often it has asked a registry itself. */
  function host(
    name: string,
    {
      believed = ["*"],
      login = false,
      answer = DIGEST,
      ...more
    }: {
      believed?: string[];
      login?: boolean;
      answer?: string | Promise<string>;
      asked?: AskedRegistries;
    } = {},
  ) {
    let asked = 0;
    const fake: AskedRegistries = {
      digestsOf: async (refs) => {
        asked += refs.length;
        const found = await answer;
        return new Map(refs.map(({ familiar }) => [familiar, digest(found)]));
      },
      isLocal: () => false,
      sendsLogin: () => Promise.resolve(login),
      noteAnswer: () => undefined,
    };
    const looks = new SharedLooks({
      ...{ host: name, believed, bucket, manager, termMs: TERM },
      clock: systemClock,
      log: pino({ level: "silent" }),
      registries: more.asked ?? fake,
    });
    return {
      asked: () => asked,
      /** The digest it finds. */
      look: async (image: string, { freshMs = INTERVAL, runs = undefined as string | undefined } = {}) => {
        const isCurrent = (_: string, found: string) => runs === undefined || runs === found;
        const extent = { now: Date.now(), freshMs, isCurrent, signal: new AbortController().signal };
        const found = (await looks.digestsOf([ref(image)], extent)).get(ref(image).familiar);
        return found?.kind === "digest" ? found.digest : undefined;
      },
      looks,
    };
  }

  it("ask by themselves where NATS has no bucket for it", async () => {
    const alone = host("alone");
    assert.equal(await alone.look("acme/early"), DIGEST);
    assert.equal(alone.asked(), 1);
    await ensureTopology(nats, manager);
  });

  it("make one request for each image in an interval, all at once or one after the other", async () => {
    const images: string[] = [];
    for (const name of ["one", "two", "three"])
      images.push((await pushApp(`ghcr.io/shared/${name}`, "1")).reference);
    const refs = images.map(ref);
    await hubControl.clearLog();
    const asks = async (): Promise<number> =>
      (await hubControl.log()).filter(({ path }) => path.includes("/manifests/")).length;
    const clients = Array.from({ length: 12 }, () => registries());
    const all = clients.map((client, n) =>
      host(`h${n}`, {
        asked: {
          digestsOf: (wanted, signal) => client.digestsOf(wanted, signal),
          isLocal: (one) => client.isLocal(one),
          sendsLogin: (registry, signal) => client.sendsLogin(registry, signal),
          noteAnswer: (familiar, answer, ageMs) => client.recent.note(familiar, answer, ageMs),
        },
      }),
    );
    const search = async (n: number, freshMs: number) =>
      all[n]?.looks.digestsOf(refs, {
        ...{ now: Date.now(), freshMs, isCurrent: () => true },
        signal: new AbortController().signal,
      });
    try {
      const found = await Promise.all(all.map((_, n) => search(n, INTERVAL)));
      assert.equal(new Set(found.map((answers) => JSON.stringify([...(answers ?? [])].sort()))).size, 1);
      assert.equal(found[0]?.size, 3);
      assert.equal(await asks(), 3);
      assert.ok(clients.every((client) => client.recent.saidAt(ref(images[0] ?? "")) !== undefined));
      for (const n of all.keys()) await search(n, INTERVAL);
      assert.equal(await asks(), 3);
      const freshMs = await intervalSinceNow();
      await Promise.all(all.map((_, n) => search(n, freshMs)));
      assert.equal(await asks(), 6);
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
  });

  it("ask again first where they asked last, a little before the interval is over", async () => {
    const [first, second] = [host("first-again"), host("second-again")];
    await first.look("acme/again");
    await second.look("acme/again");
    assert.equal(second.asked(), 0);
    await first.look("acme/again", { freshMs: OWN_ANSWER_SLACK_MS });
    assert.equal(first.asked(), 2);
  });

  it("are delayed by one that dies with the lease for its term, and then one of them asks", async () => {
    const dead = host("dead", { answer: new Promise<string>(() => undefined) });
    void dead.look("acme/left");
    await until("it has the lease", () => dead.asked() === 1);
    const others = ["a", "b", "c"].map((name) => host(name));
    const began = performance.now();
    const found = await Promise.all(others.map(({ look }) => look("acme/left")));
    const took = performance.now() - began;
    assert.deepEqual(found, [DIGEST, DIGEST, DIGEST]);
    assert.equal(
      others.reduce((sum, { asked }) => sum + asked(), 0),
      1,
    );
    assert.ok(took > TERM / 2 && took < 3 * TERM + 1000, `${took} ms`);
  });

  it("believe only whom they are set to believe, and its own answers only", async () => {
    const evil = host("evil", { answer: OTHER });
    assert.equal(await evil.look("acme/whom"), OTHER);
    const wary = host("wary", { believed: ["friend"] });
    assert.equal(await wary.look("acme/whom"), DIGEST);
    assert.equal(wary.asked(), 1);
    const friend = host("friend", { believed: ["wary"] });
    assert.equal(await friend.look("acme/whom"), DIGEST);
    assert.equal(friend.asked(), 0);
  });

  it("ask themselves, once, before an update follows from another's answer", async () => {
    const liar = host("liar", { answer: OTHER });
    await liar.look("acme/moved");
    const careful = host("careful");
    assert.equal(await careful.look("acme/moved", { runs: DIGEST }), DIGEST);
    assert.equal(careful.asked(), 1);
    const [first, second] = [host("x"), host("y")];
    await first.look("acme/really-moved");
    for (let n = 0; n < 3; n++) assert.equal(await second.look("acme/really-moved", { runs: OTHER }), DIGEST);
    assert.equal(second.asked(), 1);
  });

  it("share an answer that needs a login only after the registry has accepted their own", async () => {
    const [first, second] = [host("first", { login: true }), host("second", { login: true })];
    for (const one of [first, second]) await one.look("acme/private");
    assert.deepEqual([first.asked(), second.asked()], [1, 1]);
    const freshMs = await intervalSinceNow();
    await first.look("acme/private", { freshMs });
    await second.look("acme/private", { freshMs });
    assert.equal(first.asked() + second.asked(), 3);
    const stranger = host("stranger", { answer: OTHER });
    assert.equal(await stranger.look("acme/private"), OTHER);
    assert.equal(stranger.asked(), 1);
  });

  it("ask for themselves where the operator wants it fresh, or shares nothing", async () => {
    const [first, second, alone] = [host("one"), host("two"), host("three", { believed: [] })];
    await first.look("acme/fresh");
    await second.look("acme/fresh", { freshMs: 0 });
    await alone.look("acme/fresh");
    assert.deepEqual([first.asked(), second.asked(), alone.asked()], [1, 1, 1]);
  });
});

/** An interval that began now: what was asked before is older. Long enough for the searches that follow. */
async function intervalSinceNow(): Promise<number> {
  const now = Date.now();
  await until("an interval has passed", () => Date.now() - now >= 2000);
  return 2000;
}
