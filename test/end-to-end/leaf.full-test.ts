// A host whose own NATS is a leaf node of a fleet's hub: a participant and an observer are connected to the hub, the
// link goes through a relay that can be cut.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { after, afterEach, describe, it } from "mocha";
import { type ConnectionOptions, type NatsConnection, connect, millis } from "nats";
import { AWAY_AFTER_MS } from "../../services/updater/gate/hub.ts";
import type { CloudEvent } from "../../shared/messages.ts";
import { BUCKETS, STREAMS } from "../../shared/subjects.ts";
import { ensureTopology } from "../../shared/topology.ts";
import { type NatsOptions, type NatsServer, engine, startNats } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { gateTable, seconds } from "../support/gate-table.ts";
import { type Asked, ouroboros, participate } from "../support/participants.ts";
import { type Relay, relayTo } from "../support/relay.ts";
import { endsOf, planned, update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const LEAVES = 7422;
const HUB = "hub";
const OTHER = "h9";
const PASSWORD = "not-a-secret-here";
const LONG = { within: 90_000 };

type Version = NonNullable<NatsOptions["version"]>;

const { tell, write } = gateTable("leaf");
after(write);

for (const version of ["2.10", "2.15"] as const) {
  describe(`a host with a leaf node of its own, nats-server ${version}, that is cut off from the hub`, function () {
    this.timeout(240_000);
    afterEach(() => h1.clean());

    it("goes on with its own scripts where its owner wants that, and the hub learns it all, once", async () => {
      await using scene = await leafScene(version, "local");
      const { stack, judge, link } = scene;
      await release("apps/web", "2");
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.deepEqual(judge.asked, ["before_update web"]);
      link.cut();
      await release("apps/web", "3");
      const began = performance.now();
      assert.deepEqual(await update(stack), { web: "updated" });
      const updated = performance.now() - began;
      assert.deepEqual(await overview(h1), ["web running 3"]);
      assert.equal(await scene.scriptRuns(), 2);
      assert.equal(judge.asked.length, 1);
      const skipped = stack.records.filter(({ kind }) => kind === "decided").at(-1);
      assert.match(JSON.stringify(stack.records), /the hub hub is out of reach \(NATS_HUB_AWAY=local\)/);
      assert.ok(skipped);
      link.join();
      const joined = performance.now();
      await scene.hubHasAll();
      tell(
        `leaf node cut off from its hub, NATS_HUB_AWAY=local, nats-server ${version}`,
        "the host's own scripts decide; joined again, the hub learns all of it, each event once",
        `updated after ${seconds(updated)}; the hub had all ${seconds(performance.now() - joined)} after the link was back`,
      );
      await until("the judge hears what it missed", () => judge.asked.length === 2, { within: 60_000 });
      await scene.isJoined();
      await release("apps/web", "4");
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.equal(judge.asked.length, 3);
      await scene.hubHasAll();
      await scene.sawEachOnce();
    });

    it("touches nothing more where its owner wants that, until it is joined again", async () => {
      await using scene = await leafScene(version, "stop");
      const { stack, judge, link } = scene;
      link.cut();
      await scene.isAway();
      await release("apps/web", "2");
      assert.deepEqual(await update(stack), { web: "deferred" });
      assert.deepEqual(await overview(h1), ["web running 1"]);
      assert.equal(await scene.scriptRuns(), 0);
      const ended = stack.records.find(({ kind }) => kind === "ended");
      assert.match(JSON.stringify(ended), /the hub hub is out of reach \(NATS_HUB_AWAY=stop\)/);
      link.join();
      await scene.isJoined();
      const { code, out, err } = await ouroboros(stack, "update", "web");
      assert.equal(code, 0, out + err);
      await until("it is updated", async () => (await overview(h1)).join() === "web running 2", {
        ...LONG, // the hub takes its time to go on copying
        explain: () => `${out}${err}${stack.services.updater?.log() ?? ""}`,
      });
      assert.deepEqual(judge.asked, ["before_update web"]);
      await scene.hubHasAll();
      await scene.sawEachOnce();
    });

    it("does not notice a cut of a few seconds while a participant is waited for", async () => {
      await using scene = await leafScene(version, "stop", { judgeWaits: true });
      const { stack, judge, link } = scene;
      await release("apps/web", "2");
      const run = await planned(stack);
      await until("the judge is asked", () => judge.asked.length === 1);
      link.cut();
      scene.letGo();
      await until("its verdict does not arrive", () => scene.tries() > 1);
      link.join();
      assert.deepEqual(await endsOf(stack, run, 60_000), { web: "updated" });
      assert.equal(judge.asked.length, 1);
    });
  });
}

interface Scene extends AsyncDisposable {
  readonly stack: Stack;
  readonly link: Relay;
  /** Asked at before_update; connected to the hub. */
  readonly judge: Asked;
  readonly letGo: () => void;
  /** How often the judge has tried to say something. */
  readonly tries: () => number;
  readonly scriptRuns: () => Promise<number>;
  /** Resolves when every event and record of the host is at the hub. */
  readonly hubHasAll: () => Promise<void>;
  /** Who reads events at the hub has had each of them once, and another host nothing of them. */
  readonly sawEachOnce: () => Promise<void>;
  /** Resolves when the host's NATS hears of the hub again. */
  readonly isJoined: () => Promise<true>;
  /** Resolves when it has not for so long that the updater counts it as away. */
  readonly isAway: () => Promise<true>;
}

/** `judgeWaits`: it answers when it is let go. */
async function leafScene(version: Version, away: "local" | "stop", wish = {}): Promise<Scene> {
  const opened: AsyncDisposable[] = [];
  try {
    return await openScene(opened, { version, away, ...wish });
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

async function closeAll(opened: readonly AsyncDisposable[]): Promise<void> {
  for (const one of opened) await one[Symbol.asyncDispose]();
}

interface Wish {
  readonly version: Version;
  readonly away: "local" | "stop";
  readonly judgeWaits?: boolean;
}

async function openScene(
  opened: AsyncDisposable[],
  { version, away, judgeWaits = false }: Wish,
): Promise<Scene> {
  const opens = <T extends AsyncDisposable>(one: T): T => {
    opened.unshift(one);
    return one;
  };
  const link = opens(await relayTo(LEAVES));
  const hub = opens(await startNats({ version, config: await hubConfig(link.port, h1.name, OTHER) }));
  const other = opens(await startNats({ version, config: await leafConfig(link.port, OTHER) }));
  await deploy(h1, "web");
  const stack = await startStack({
    engine: h1,
    services: [],
    env: { NATS_HUB: HUB, NATS_HUB_AWAY: away },
    nats: { version, config: await leafConfig(link.port, h1.name) },
  });
  opens(stack);
  const atHub = await connectTo(hub, { user: "operator", pass: PASSWORD, inboxPrefix: "_INBOX_operator" });
  opens({ [Symbol.asyncDispose]: () => atHub.close() });
  const access = { NATS_URL: hub.url, NATS_USER: "operator", NATS_PASSWORD: PASSWORD };
  const there = { ...stack, nats: atHub, access };
  const made = await ouroboros(there, "nats-config", "hub", "--hosts", `${h1.name},${OTHER}`);
  assert.equal(made.code, 0, made.err);
  const elsewhere = await connectTo(other);
  opens({ [Symbol.asyncDispose]: () => elsewhere.close() });
  const otherManager = await jetstreamManager(elsewhere, { checkAPI: false });
  await ensureTopology(elsewhere, otherManager, { leaf: { hub: HUB, hosts: [OTHER] } });
  const read = readEvents(atHub);
  let isFree = !judgeWaits;
  let tries = 0;
  const js = jetstream(atHub);
  const judge = opens(
    await participate(
      there,
      "judge",
      { hooks: ["before_update"], flags: ["--timeout", "60s"] },
      async (_event, { verdictSubject }) => {
        await until("it may answer", () => isFree, { within: 60_000 });
        const isStored = async () => {
          tries += 1;
          return js.publish(verdictSubject, "proceed", { timeout: 1000 }).then(
            () => true,
            () => false,
          );
        };
        await until("its verdict is stored", isStored, { within: 60_000 });
      },
    ),
  );
  for (const service of ["updater", "hook-executor", "poller"] as const) stack.start(service);
  await stack.script("before_update/note", `#!/bin/sh\necho >> ${stack.folder}/ran\n`);
  await stack.check();
  await until(
    "the host knows the judge",
    async () => (await ouroboros(stack, "participant", "list")).out.includes("judge"),
    { within: 60_000 },
  );
  const [hubManager, ownManager] = await Promise.all(
    [atHub, stack.nats].map((nats) => jetstreamManager(nats, { checkAPI: false })),
  );
  assert.ok(hubManager && ownManager);
  const silence = async (): Promise<number> => {
    const { mirror } = await ownManager.streams.info(`KV_${BUCKETS.participants}`);
    return mirror === undefined || mirror.active < 0 ? Number.POSITIVE_INFINITY : millis(mirror.active);
  };
  return {
    stack,
    link,
    judge,
    letGo: () => (isFree = true),
    tries: () => tries,
    scriptRuns: async () =>
      (await readFile(join(stack.folder, "ran"), "utf8").catch(() => "")).split("\n").length - 1,
    hubHasAll: async () => {
      for (const stream of [STREAMS.hooks, STREAMS.runs])
        await until(
          `all of ${stream} is at the hub`,
          async () => {
            const [here, copied] = await Promise.all(
              [ownManager, hubManager].map(async (one) => (await one.streams.info(stream)).state.messages),
            );
            return here === copied;
          },
          LONG,
        );
    },
    sawEachOnce: async () => {
      const published = [...stack.events.map(({ event }) => event.id), ...stack.notices.map(({ id }) => id)];
      assert.deepEqual([...read].sort(), published.sort());
      for (const stream of [...Object.values(STREAMS), `KV_${BUCKETS.held}`, `KV_${BUCKETS.hosts}`])
        assert.equal((await otherManager.streams.info(stream)).state.messages, 0, `${OTHER} holds ${stream}`);
    },
    isJoined: () => until("the host hears of the hub", async () => (await silence()) < 2000, LONG),
    isAway: () => until("the hub counts as away", async () => (await silence()) > AWAY_AFTER_MS, LONG),
    [Symbol.asyncDispose]: () => closeAll(opened),
  };
}

const connectTo = ({ url }: NatsServer, more: ConnectionOptions = {}): Promise<NatsConnection> =>
  connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100, ...more });

const deployed = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, "../../../deploy/nats", name), "utf8");
/** The files as they are deployed, but without TLS, and for ports and folders of the test. */
const withoutPlaces = (text: string): string =>
  text
    .replace(/^ *tls \{.*$/gm, "")
    .replace(/^(?:port|http):.*$/gm, "")
    .replace(/^ *store_dir:.*$/gm, "");

async function hubConfig(port: number, ...hosts: readonly string[]): Promise<string> {
  const text = withoutPlaces(await deployed("hub.conf"))
    .replace("port: 7422", `listen: "127.0.0.1:${LEAVES}", advertise: "127.0.0.1:${port}"`)
    .replaceAll(/\$(?:OPERATOR|LEAF_WEB01)_PASSWORD/g, PASSWORD);
  const [role = ""] = /^LEAF_WEB01 \{[^]*?\n\}\n/m.exec(text) ?? [];
  const user = /^ *\{ user: leaf_web01.*\n/m.exec(text)?.[0] ?? "";
  const of = (part: string) =>
    hosts.map((host) => part.replaceAll("web01", host).replaceAll("LEAF_WEB01", `LEAF_${host}`)).join("");
  return text.replace(role, () => of(role)).replace(user, () => of(user));
}

const leafConfig = async (port: number, host: string): Promise<string> =>
  withoutPlaces(await deployed("leaf.conf"))
    .replaceAll("web01", host)
    .replace("$HUB", `"nats-leaf://leaf_${host}:${PASSWORD}@127.0.0.1:${port}"`);

/** Ids of all events at the hub, as one who reads them from the stream gets them. */
function readEvents(nats: NatsConnection): readonly string[] {
  const ids: string[] = [];
  void (async () => {
    const consumer = await jetstream(nats).consumers.get(STREAMS.hooks);
    for await (const message of await consumer.consume()) ids.push(message.json<CloudEvent>().id);
  })().catch(() => undefined); // ends with the connection
  return ids;
}
