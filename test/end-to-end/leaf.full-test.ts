// A host whose own NATS is a leaf node of a fleet's hub, both as `ouroboros nats-config` sets them up, everyone with the
// rights of its role: a participant and an observer are connected to the hub, the link goes through a relay that can be cut.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { after, afterEach, describe, it } from "mocha";
import { millis } from "nats";
import { HUB_DOMAIN } from "../../nats/permissions.ts";
import { AWAY_AFTER_MS } from "../../services/updater/gate/hub.ts";
import { BUCKETS, STREAMS } from "../../shared/contract/subjects.ts";
import { type NatsOptions, engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { gateTable, seconds } from "../support/gate-table.ts";
import { leafFleet, prepareFleet, readEvents } from "../support/leaf-fleet.ts";
import { type RegisteredParticipant, runOuroboros, addParticipant } from "../support/participants.ts";
import type { Relay } from "../support/relay.ts";
import { awaitResults, requestPlan, update } from "../support/runs.ts";
import { ROLE_OF } from "../support/nats-config-folder.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const OTHER = "h9";
const LONG = { within: 90_000 };
type Version = NonNullable<NatsOptions["version"]>;

const { addRow, write } = gateTable("leaf");
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
      assert.match(
        JSON.stringify(stack.records),
        /the hub is out of reach \(NATS_HUB=hub, NATS_HUB_AWAY=local\)/,
      );
      link.join();
      const joined = performance.now();
      await scene.hubHasAll();
      addRow(
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
      assert.match(JSON.stringify(ended), /the hub is out of reach \(NATS_HUB=hub, NATS_HUB_AWAY=stop\)/);
      link.join();
      await scene.isJoined();
      const { code, out, err } = await runOuroboros(stack, "update", "web");
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
      const run = await requestPlan(stack);
      await until("the judge is asked", () => judge.asked.length === 1);
      link.cut();
      scene.letGo();
      await until("its verdict does not arrive", () => scene.tries() > 1);
      link.join();
      assert.deepEqual(await awaitResults(stack, run, 60_000), { web: "updated" });
      assert.equal(judge.asked.length, 1);
    });
  });
}

interface Scene extends AsyncDisposable {
  readonly stack: Stack;
  readonly link: Relay;
  /** Asked at before_update; connected to the hub. */
  readonly judge: RegisteredParticipant;
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
  const fleet = opens(await leafFleet(version, [h1.name, OTHER], ["judge"]));
  const { keys, hub, link } = fleet;
  const own = await keys.leaf(h1.name);
  const other = await fleet.startLeaf(OTHER);
  await deploy(h1, "web");
  const stack = opens(
    await startStack({
      engine: h1,
      services: [],
      env: { NATS_HUB: HUB_DOMAIN, NATS_HUB_AWAY: away },
      nats: { version, config: own.config },
      operator: { access: own.access("operator"), connection: await own.connection("operator") },
    }),
  );
  await prepareFleet(fleet, { [h1.name]: stack.server, [OTHER]: other });
  const atHub = await fleet.enter(hub, keys, "operator");
  const there = {
    ...stack,
    nats: await fleet.enter(hub, keys, "participant_judge"),
    access: { NATS_URL: hub.url, ...keys.access("operator") },
  };
  const elsewhere = await fleet.enter(other, await keys.leaf(OTHER), "operator");
  const otherManager = await jetstreamManager(elsewhere, { checkAPI: false });
  const read = readEvents(atHub);
  let isFree = !judgeWaits;
  let tries = 0;
  const js = jetstream(there.nats);
  const judge = opens(
    await addParticipant(
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
  for (const service of ["updater", "hook-executor", "poller"] as const)
    stack.start(service, { env: own.access(`${ROLE_OF[service]}_${h1.name}`) });
  await stack.script("before_update/note", `#!/bin/sh\necho >> ${stack.folder}/ran\n`);
  await stack.check();
  await until(
    "the host knows the judge",
    async () => (await runOuroboros(stack, "participant", "list")).out.includes("judge"),
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
      await until("all is read", () => read.length >= published.length);
      assert.deepEqual([...read].sort(), published.sort());
      for (const stream of [...Object.values(STREAMS), `KV_${BUCKETS.held}`, `KV_${BUCKETS.hosts}`])
        assert.equal((await otherManager.streams.info(stream)).state.messages, 0, `${OTHER} holds ${stream}`);
    },
    isJoined: () => until("the host hears of the hub", async () => (await silence()) < 2000, LONG),
    isAway: () => until("the hub counts as away", async () => (await silence()) > AWAY_AFTER_MS + 2000, LONG), // to the updater, which counts from its start
    [Symbol.asyncDispose]: () => closeAll(opened),
  };
}
