// What a host's own NATS may do at the hub, with the files that `ouroboros nats-config` wrote: whoever holds that server,
// its key and its operator's rights included, acts for its own host only.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, PermissionViolationError, connect } from "nats";
import { observerNames, readsEvents } from "../../shared/contract/observers.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import type { NatsServer } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { type LeafFleet, leafFleet, prepareFleet } from "../support/leaf-fleet.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull } from "../support/full-run.ts";

const [HOST, OTHER] = ["web01", "web.02"];
const EVENT = "ouroboros.hook.web01.before_update.web.e";
const LONG = { within: 30_000 };

/** What the leaf node of web01 would need to act for somebody else. */
const forbidden = [
  "ouroboros.hook.web=2E02.before_update.web.e",
  "ouroboros.hook.web=2E02.updates_enumerated._.e",
  "ouroboros.run.web=2E02.r",
  "ouroboros.verdict.web=2E02.a.e",
  "ouroboros.verdict.web01.a.e",
  "ouroboros.progress.web=2E02.a.e",
  "ouroboros.command.web=2E02.poller.check",
  "$KV.OUROBOROS_PARTICIPANTS.a",
  "$KV.OUROBOROS_HELD.web=2E02.web",
  ...["STREAM.DELETE", "STREAM.PURGE", "STREAM.UPDATE", "STREAM.CREATE", "STREAM.MSG.GET"].flatMap((call) =>
    ["OUROBOROS_HOOKS", "OUROBOROS_VERDICTS", "KV_OUROBOROS_PARTICIPANTS"].map(
      (stream) => `$JS.hub.API.${call}.${stream}`,
    ),
  ),
  "$JS.hub.API.CONSUMER.CREATE.OUROBOROS_HOOKS",
  "$JS.hub.API.CONSUMER.CREATE.OUROBOROS_RUNS.x",
  "$JS.hub.API.CONSUMER.MSG.NEXT.OUROBOROS_HOOKS.gate_a",
  "$JS.hub.API.CONSUMER.DELETE.OUROBOROS_HOOKS.gate_a",
  "$JS.hub.API.DIRECT.GET.KV_OUROBOROS_PARTICIPANTS",
  "$JS.ACK.OUROBOROS_HOOKS.gate_a.1.1.1.1.1",
];
const unheard = [
  ">",
  "ouroboros.>",
  "ouroboros.hook.>",
  "ouroboros.hook.web=2E02.>",
  "ouroboros.run.web=2E02.*",
  "ouroboros.verdict.web=2E02.*.*",
  "ouroboros.command.web=2E02.*.*",
  "_INBOX.>",
];

for (const version of firstUnlessFull(["2.15", "2.10"] as const)) {
  describe(`a leaf node of a hub, as nats-config writes both, on nats-server ${version}`, () => {
    let fleet: LeafFleet;
    let leaf: NatsServer;
    let others: NatsServer;
    let atHub: NatsConnection;
    let atLeaf: NatsConnection;

    before(async () => {
      fleet = await leafFleet(version, [HOST, OTHER], ["a"], { more: ["--readers", "log"] });
      leaf = await fleet.startLeaf(HOST);
      others = await fleet.startLeaf(OTHER);
      await prepareFleet(fleet, { [HOST]: leaf, [OTHER]: others });
      const { keys, hub, enter } = fleet;
      atHub = await enter(hub, keys, "operator");
      atLeaf = await enter(leaf, await keys.leaf(HOST), "operator");
      const env = { NATS_URL: hub.url, ...keys.access("operator") };
      const { code, err } = await runOperatorCommand(env, [
        "participant",
        "add",
        "a",
        "--hooks",
        "before_update",
      ]);
      assert.equal(code, 0, err);
    });
    after(() => fleet[Symbol.asyncDispose]());

    it("passes its host's events to the participant at the hub, and its verdict back", () =>
      passesBothWays(fleet, leaf));

    it("passes what an observer at the hub asks the host's poller, and the answer back", () =>
      answersAtHub(fleet, leaf));

    it("leaves the observers and readers at the hub a consumer on each stream", async () => {
      const env = { NATS_URL: fleet.hub.url, ...fleet.keys.access("operator") };
      const again = ["nats-config", "hub", "--hosts", [HOST, OTHER].join(","), "--readers", "log"];
      const { code, err } = await runOperatorCommand(env, again);
      assert.equal(code, 0, err);
      for (const [user, name] of [
        ...observerNames.filter(readsEvents).map((name) => [`observer_${name}`, name] as const),
        ["reader_log", "log"] as const,
      ]) {
        const js = jetstream(await fleet.enter(fleet.hub, fleet.keys, user));
        for (const stream of [STREAMS.hooks, STREAMS.runs])
          assert.equal(
            (await js.consumers.get(stream, consumers.reader(name)).then((found) => found.info()))
              .stream_name,
            stream,
          );
      }
    });

    it("follows who is asked", async () => {
      const manager = await jetstreamManager(atLeaf, { checkAPI: false });
      await until(
        "the host knows a",
        async () => (await manager.streams.info("KV_OUROBOROS_PARTICIPANTS")).state.messages === 1,
        LONG,
      );
    });

    it("sends nothing to the hub but what is its host's, whoever publishes it there", async () => {
      const came: string[] = [];
      atHub.subscribe("ouroboros.>", { callback: (_error, { subject }) => void came.push(subject) });
      atHub.subscribe("$KV.>", { callback: (_error, { subject }) => void came.push(subject) });
      await atHub.flush();
      const { state } = await (
        await jetstreamManager(atHub, { checkAPI: false })
      ).streams.info(STREAMS.hooks);
      for (const subject of forbidden) atLeaf.publish(subject, "{}");
      const own = "ouroboros.hook.web01.before_update.web.last";
      await until("its own arrives", () => {
        atLeaf.publish(own, "{}");
        return came.includes(own);
      });
      assert.deepEqual(
        came.filter((subject) => subject !== own),
        [],
      );
      const manager = await jetstreamManager(atHub, { checkAPI: false });
      assert.ok((await manager.streams.info(STREAMS.hooks)).state.messages >= state.messages);
      assert.equal((await manager.streams.info("KV_OUROBOROS_PARTICIPANTS")).state.messages, 1);
    });

    it("has a key that opens no more at the hub to who takes it for a client's", async () => {
      const nats = await fleet.enter(fleet.hub, fleet.keys, "leaf_web01");
      const refused: string[] = [];
      void (async () => {
        for await (const status of nats.status())
          if (status.type === "error" && status.error instanceof PermissionViolationError)
            refused.push(status.error.subject);
      })();
      for (const subject of forbidden) nats.publish(subject, "{}");
      for (const subject of unheard) nats.subscribe(subject, { callback: () => undefined });
      await nats.flush();
      await until("all are refused", () => refused.length === forbidden.length + unheard.length);
      const asMapped = forbidden.map((subject) => subject.replace("$JS.hub.API.", "$JS.API.")); // a client's, by the server
      assert.deepEqual(refused.sort(), [...asMapped, ...unheard].sort());
    });

    it("is let in by its key only", async () => {
      const { tls } = await fleet.keys.connection("operator");
      await assert.rejects(connect({ servers: leaf.url, ...(tls && { tls }) }), /uthorization/);
      const users = (await fleet.keys.leaf(HOST)).config;
      assert.match(users, /nkey: SU[A-Z2-7]{56} /);
      assert.doesNotMatch(fleet.keys.config, /SU[A-Z2-7]{56}/);
    });

    it("has a key of its own, which is taken from it alone, at the hub's next start", async () => {
      const { keys, enter } = fleet;
      const atOthers = await enter(others, await keys.leaf(OTHER), "operator");
      const seeds = await Promise.all(
        [HOST, OTHER].map(async (host) => seedIn((await keys.leaf(host)).config)),
      );
      assert.equal(new Set(seeds).size, 2);
      await fleet.rewrite("--remove", HOST);
      const logOf = ({ log }: NatsServer) => readFile(log, "utf8");
      await until(
        "it is let in no more",
        async () => /Authorization Violation/.test(await logOf(leaf)),
        LONG,
      );
      const came: string[] = [];
      atHub.subscribe("ouroboros.hook.>", { callback: (_error, { subject }) => void came.push(subject) });
      await until("this client is at the hub again, too", () =>
        atHub.flush().then(
          () => true,
          () => false,
        ),
      );
      const own = "ouroboros.hook.web=2E02.before_update.web.after";
      await until("the other's arrives", () => {
        atLeaf.publish("ouroboros.hook.web01.before_update.web.after", "{}");
        atOthers.publish(own, "{}");
        return came.includes(own);
      });
      assert.deepEqual([...new Set(came)], [own]);
      assert.doesNotMatch(await logOf(others), /Authorization Violation/);
    });
  });
}

/** The streams are in that account; hub and hosts are given accounts one after the other, or not at all. */
for (const shared of firstUnlessFull([[".", "leaves/web01"], ["."], ["leaves/web01"]]))
  describe(`where an earlier version wrote one account for all in ${shared.join(" and ")}`, () => {
    it("events, verdicts and an observer's questions pass between a host and the hub", async () => {
      await using fleet = await leafFleet("2.15", [HOST], ["a"], { shared });
      const leaf = await fleet.startLeaf(HOST);
      await prepareFleet(fleet, { [HOST]: leaf });
      const env = { NATS_URL: fleet.hub.url, ...fleet.keys.access("operator") };
      const { code, err } = await runOperatorCommand(env, [
        "participant",
        "add",
        "a",
        "--hooks",
        "before_update",
      ]);
      assert.equal(code, 0, err);
      await passesBothWays(fleet, leaf);
      await answersAtHub(fleet, leaf);
    });
  });

async function passesBothWays({ keys, hub, enter }: LeafFleet, leaf: NatsServer): Promise<void> {
  const updater = await enter(leaf, await keys.leaf(HOST), "updater_web01");
  const a = await enter(hub, keys, "participant_a");
  await jetstream(updater).publish(EVENT, "{}");
  const consumer = await jetstream(a).consumers.get(STREAMS.hooks, consumers.gate("a"));
  const message = await consumer.next({ expires: 30_000 });
  assert.equal(message?.subject, EVENT);
  message.ack();
  const heard = updater.subscribe("ouroboros.verdict.web01.*.*", { max: 1 });
  await updater.flush();
  await until(
    "its verdict is stored",
    () => isStored(a, "ouroboros.verdict.web01.a.e", "refuse: not now"),
    LONG,
  );
  for await (const { subject } of heard) assert.equal(subject, "ouroboros.verdict.web01.a.e");
  const own = await jetstreamManager(updater, { checkAPI: false });
  const stored = await own.streams.getMessage(STREAMS.verdicts, {
    last_by_subj: "ouroboros.verdict.web01.a.e",
  });
  assert.equal(stored?.string(), "refuse: not now");
}

async function answersAtHub({ keys, hub, enter }: LeafFleet, leaf: NatsServer): Promise<void> {
  const poller = await enter(leaf, await keys.leaf(HOST), "poller_web01");
  poller.subscribe("ouroboros.command.web01.poller.*", {
    callback: (_, message) => void message.respond("yes"),
  });
  await poller.flush();
  const dashboard = await enter(hub, keys, "observer_dashboard");
  const ask = () => dashboard.request("ouroboros.command.web01.poller.status", "{}", { timeout: 1000 });
  await until(
    "the poller answers",
    () =>
      ask().then(
        (reply) => reply.string() === "yes",
        () => false,
      ),
    LONG,
  );
}

const seedIn = (config: string): string => /nkey: (SU[A-Z2-7]{56}) /.exec(config)?.[1] ?? "";

const isStored = (nats: NatsConnection, subject: string, verdict: string): Promise<boolean> =>
  jetstream(nats)
    .publish(subject, verdict, { timeout: 1000 })
    .then(
      () => true,
      () => false,
    );
