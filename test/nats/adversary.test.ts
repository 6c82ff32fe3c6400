/**
 * Nobody's key does another's work: each role's tries all that it has on all that is not its own, on real servers, and what
 * the streams, buckets and consumers hold and what others hear is compared with what it may write.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import {
  AckPolicy,
  type JetStreamManager,
  type StreamConfig,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import { type NatsConnection, connect } from "nats";
import { type User, userName } from "../../nats/permissions.ts";
import { type NatsServer, startNats } from "../bed/bed.ts";
import {
  adversary,
  attack,
  attackNames,
  exampleSubject,
  matches,
  mayHear,
  maySend,
  patternsOf,
  streams,
  targets,
} from "../support/adversary.ts";
import { adversaries } from "../support/adversaries.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import { observerNames } from "../../shared/contract/observers.ts";
import { BUCKETS, consumers } from "../../shared/contract/subjects.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { leafFleet, prepareFleet } from "../support/leaf-fleet.ts";
import {
  type NatsServerConfig,
  type NatsConfigFolder,
  writeNatsConfig,
} from "../support/nats-config-folder.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull, isFullRun } from "../support/full-run.ts";

const all = targets(adversaries);
const HOSTS = ["web01", "web.02"];
/** Who tries: in the full run all, all that there is with each; else of the second host, whose name is no token, the poller. */
const trying = adversaries.filter(({ role, name }) => isFullRun || name !== "web.02" || role === "poller");
const every = isFullRun ? 1 : 3;
/** On more than one server: in the full run all; else the first of each role. */
const tryingInFleet = adversaries.filter(
  ({ role }, i) => isFullRun || adversaries.findIndex((other) => other.role === role) === i,
);

/** What is there before, of each kind. */
const seedsOf = (host: string): string[] => [
  `ouroboros.hook.${encodeToken(host)}.before_update.web.e`,
  `ouroboros.run.${encodeToken(host)}.open`,
  `ouroboros.verdict.${encodeToken(host)}.a.e`,
  `ouroboros.verdict.${encodeToken(host)}.b.e`,
  `$KV.OUROBOROS_HOSTS.${encodeToken(host)}`,
  `$KV.OUROBOROS_HELD.${encodeToken(host)}.web`,
  `$KV.OUROBOROS_LEDGER.${encodeToken(host)}.shop.amd64`,
];
const SEEDS_OF_ALL = [
  "$KV.OUROBOROS_PARTICIPANTS.a",
  "$KV.OUROBOROS_PARTICIPANTS.b",
  "$KV.OUROBOROS_OBSERVERS.notifier.seen",
  "$KV.OUROBOROS_APPROVALS.a.shop.sha",
  "$KV.OUROBOROS_APPROVALS.operator.shop.sha",
];

/** One server, or several that are joined. */
interface Scene extends AsyncDisposable {
  readonly as: (user: User) => NatsConnection;
  readonly operators: readonly NatsConnection[];
  /** Of each server, as its operator. */
  readonly managers: readonly JetStreamManager[];
}

/** All tried by all on a scene that is made once. */
function triesAll(users: readonly User[], open: () => Promise<Scene>): () => Scene {
  let scene: Scene;
  before(async () => (scene = await open()));
  after(() => scene[Symbol.asyncDispose]());

  for (const user of users)
    it(`that is ${userName(user)} reaches nothing that is not its own`, async () => {
      const { as, operators, managers } = scene;
      const by = adversary(user, all, every);
      const came: string[] = [];
      const hear = (nats: NatsConnection, subject: string, isPulled: (reply: string) => boolean) =>
        nats.subscribe(subject, {
          callback: (_error, message) => {
            if (!isPulled(message.reply ?? "")) came.push(message.subject);
          },
        });
      const others = adversaries.filter((other) => userName(other) !== userName(user));
      const everybody = [...operators, ...adversaries.map(as)];
      await answersEnd(adversaries.map(as), managers);
      await copiesAreMade(managers);
      const before = await quietHoldings(managers);
      const heard = [
        ...operators.flatMap((operator) => by.foreign.map((subject) => hear(operator, subject, () => false))),
        ...others.map((other) => hear(as(other), ">", (reply) => maySend(other, reply))),
      ];
      for (const nats of everybody) await nats.flush();
      const tried = await attack(as(user), by);
      for (const nats of everybody) await nats.flush();
      await pause(200);
      for (const subscription of heard) subscription.unsubscribe();
      await copiesAreMade(managers);
      const after = await quietHoldings(managers);
      const arrived = [...new Set(came)].filter((subject) => !maySend(user, subject));
      const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])]
        .filter((what) => before[what] !== after[what] && !maySend(user, what.replace(/ at .*/, "")))
        .map((what) => `${what}: ${before[what] ?? "nothing"} → ${after[what] ?? "nothing"}`);
      assert.ok(tried > 2000 && attackNames.length >= 8);
      assert.deepEqual({ changed, arrived }, { changed: [], arrived: [] });
    });

  it("can store no more than the room of a stream, whatever it publishes on its own subjects", async () => {
    for (const manager of scene.managers)
      for await (const { config } of manager.streams.list())
        for (const user of adversaries)
          for (const pattern of patternsOf(user).filter((one) => isStoredIn(config, one))) {
            const isOneKey = config.max_msgs_per_subject > 0 && !/[*>]/.test(pattern);
            assert.ok(
              config.max_bytes > 0 || isOneKey,
              `${userName(user)} fills ${config.name} by ${pattern}`,
            );
          }
  });

  it("deletes, purges and rolls up nothing, the operator's key included", async () => {
    for (const manager of scene.managers)
      for (const stream of streams) {
        const info = await manager.streams.info(stream).catch(() => undefined);
        const mayLack = [BUCKETS.observers, BUCKETS.looks].map((bucket) => `KV_${bucket}`);
        if (info === undefined && mayLack.includes(stream)) continue; // leaf nodes, and looks at a hub
        assert.ok(info !== undefined, stream);
        const { config, state } = info;
        if (config.mirror !== undefined) continue; // of what the hub keeps
        await assert.rejects(manager.streams.deleteMessage(stream, state.last_seq), /not permitted/);
        await assert.rejects(manager.streams.purge(stream), /not permitted/);
        assert.ok(!config.allow_rollup_hdrs && !config.allow_msg_ttl && !config.allow_msg_schedules);
      }
  });
  return () => scene;
}

for (const version of firstUnlessFull(["2.10", "2.15"] as const)) {
  describe(`an adversary with the key of one role, on nats-server ${version}`, () => {
    let keys: NatsConfigFolder;
    let server: NatsServer;
    const opened = triesAll(trying, async () => {
      keys = await writeNatsConfig(
        ...["--hosts", HOSTS.join(","), "--participants", "a,b"],
        ...["--watchers", "eye", "--readers", "log"],
      );
      server = await startNats({ version, config: keys.config });
      const operatorsEnv = { NATS_URL: server.url, ...keys.access("operator") };
      const words = ["nats-config", "prepare", "--hosts", HOSTS.join(","), "--readers", "log"];
      const prepared = await runOperatorCommand(operatorsEnv, words);
      assert.deepEqual([prepared.code, prepared.err], [0, ""]);
      const enter = async (user: string) =>
        connect({ servers: server.url, ...(await keys.connection(user)) });
      const operator = await enter("operator");
      const open = new Map<string, NatsConnection>();
      for (const user of adversaries) open.set(userName(user), await enter(userName(user)));
      const manager = await jetstreamManager(operator);
      await addConsumers(manager);
      await publishAll(operator, [...HOSTS.flatMap(seedsOf), ...SEEDS_OF_ALL]);
      return {
        ...{ as: (user) => existing(open, userName(user)), operators: [operator], managers: [manager] },
        [Symbol.asyncDispose]: async () => {
          for (const nats of [operator, ...open.values()]) await nats.close();
          await server[Symbol.asyncDispose]();
          await keys[Symbol.asyncDispose]();
        },
      };
    });

    it("hears what is meant for it only", async () => {
      const { as, operators, managers } = opened();
      await answersEnd(adversaries.map(as), managers);
      const came = new Map<string, Set<string>>();
      const heard = adversaries.map((user) => {
        const mine = new Set<string>();
        came.set(userName(user), mine);
        return as(user).subscribe(">", {
          callback: (_error, { subject, reply = "" }) => {
            if (!maySend(user, reply)) mine.add(subject); // else it pulled it from its own consumer
          },
        });
      });
      for (const user of adversaries) await as(user).flush();
      for (const operator of operators) {
        for (const subject of all.filter((one) => !one.startsWith("$JS."))) operator.publish(subject, "{}");
        await operator.flush();
      }
      await quietHoldings(managers);
      for (const subscription of heard) subscription.unsubscribe();
      for (const user of adversaries) {
        const subjects = [...existing(came, userName(user))];
        const [name, strange] = [userName(user), subjects.filter((subject) => !mayHear(user, subject))];
        assert.deepEqual([name, strange], [name, []]);
      }
    });

    it("is not let in without a key", async () => {
      const { tls } = await keys.connection("operator");
      await assert.rejects(connect({ servers: server.url, ...(tls && { tls }) }), /uthorization/);
      const guess = { servers: server.url, user: "operator", pass: "", ...(tls && { tls }) };
      await assert.rejects(connect(guess), /uthorization/);
    });
  });

  describe(`an adversary in a fleet of leaf nodes and their hub, on nats-server ${version}`, () => {
    triesAll(tryingInFleet, () => fleetScene(version));
  });
}

/** Participants, watchers and readers are at the hub, the services of each host at its own server. */
async function fleetScene(version: "2.10" | "2.15"): Promise<Scene> {
  const fleet = await leafFleet(version, HOSTS, ["a", "b"], {
    more: ["--watchers", "eye", "--readers", "log"],
  });
  const { hub, keys, enter } = fleet;
  const places = new Map<string, readonly [NatsServer, NatsServerConfig]>();
  for (const host of HOSTS) places.set(host, [await fleet.startLeaf(host), await keys.leaf(host)]);
  await prepareFleet(fleet, Object.fromEntries([...places].map(([host, [server]]) => [host, server])));
  const operator = await enter(hub, keys, "operator");
  const operators = [operator];
  for (const [server, place] of places.values()) operators.push(await enter(server, place, "operator"));
  const open = new Map<string, NatsConnection>();
  for (const user of adversaries)
    open.set(
      userName(user),
      await enter(...(places.get(user.name) ?? ([hub, keys] as const)), userName(user)),
    );
  const managers: JetStreamManager[] = [];
  for (const one of operators) managers.push(await jetstreamManager(one, { checkAPI: false }));
  await addConsumers(await jetstreamManager(operator));
  await publishAll(operator, SEEDS_OF_ALL);
  for (const [at, own] of operators.slice(1).entries()) await publishAll(own, seedsOf(HOSTS[at] ?? ""));
  await quietHoldings(managers);
  return {
    ...{ as: (user) => existing(open, userName(user)), operators, managers },
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}

function existing<T>(map: ReadonlyMap<string, T>, key: string): T {
  const found = map.get(key);
  assert.ok(found !== undefined, key);
  return found;
}

/** Of the participants, and of the readers where there is none. */
async function addConsumers(manager: JetStreamManager): Promise<void> {
  const add = (stream: string, durable_name: string) =>
    manager.consumers.add(stream, { durable_name, ack_policy: AckPolicy.Explicit });
  for (const name of ["gate_a", "gate_b", "notices_a", "notices_b"]) await add("OUROBOROS_HOOKS", name);
  for (const stream of ["OUROBOROS_HOOKS", "OUROBOROS_RUNS"])
    for (const reader of ["log", ...observerNames].map(consumers.reader))
      if (!(await isThere(manager, stream, reader))) await add(stream, reader);
}

const isThere = (manager: JetStreamManager, stream: string, durable: string): Promise<boolean> =>
  manager.consumers.info(stream, durable).then(
    () => true,
    () => false,
  );

async function publishAll(nats: NatsConnection, subjects: readonly string[]): Promise<void> {
  for (const subject of subjects) await jetstream(nats).publish(subject, "{}");
}

/** A subject of the pattern is stored there. */
const isStoredIn = ({ subjects = [] }: Partial<StreamConfig>, pattern: string): boolean =>
  subjects.some((subject) => matches(subject, exampleSubject(pattern)));

type Holdings = Readonly<Record<string, string>>;

/** Streams with their configuration, subjects with how much is stored on them, consumers with theirs; of each server. */
async function holdings(managers: readonly JetStreamManager[]): Promise<Holdings> {
  const found: Record<string, string> = {};
  for (const [at, manager] of managers.entries())
    for await (const name of manager.streams.names()) {
      const { config, state } = await manager.streams.info(name, { subjects_filter: ">" });
      found[`stream ${name} at ${at}`] = JSON.stringify(config);
      for (const [subject, count] of Object.entries(state.subjects ?? {}))
        found[`${subject} at ${name}, ${at}`] = String(count);
      for await (const info of manager.consumers.list(name))
        found[`consumer ${info.name} of ${name} at ${at}`] = JSON.stringify(info.config);
    }
  return found;
}

/** When nothing has been stored for a while: what one stream copies from another comes later. */
async function quietHoldings(managers: readonly JetStreamManager[]): Promise<Holdings> {
  for (let [last, same] = ["", 0]; ;) {
    const found = await holdings(managers);
    same = JSON.stringify(found) === last ? same + 1 : 0;
    if (same === 2) return found;
    last = JSON.stringify(found);
    await pause(250);
  }
}

/** A hub has what its leaf nodes have; nothing to wait for where there is one server. */
async function copiesAreMade([hub, ...leaves]: readonly JetStreamManager[]): Promise<void> {
  const own = [BUCKETS.participants, BUCKETS.approvals, BUCKETS.observers, BUCKETS.looks].map(
    (bucket) => `KV_${bucket}`,
  );
  const copied = streams.filter((name) => !own.includes(name));
  const counted = async (manager: JetStreamManager, name: string) =>
    (await manager.streams.info(name)).state.messages;
  for (const name of leaves.length > 0 ? copied : [])
    await until(
      `the hub has copied ${name}`,
      async () => {
        const sizes = await Promise.all(leaves.map((leaf) => counted(leaf, name)));
        const all = sizes.reduce((sum, size) => sum + size, 0);
        return hub === undefined || (await counted(hub, name)) === all;
      },
      { within: 60_000 },
    );
}

/**
 * When the servers have taken every request before these, and nobody has heard anything for a while: a server answers late
 * where it has much to do, also who asked in the attack before.
 */
async function answersEnd(
  all: readonly NatsConnection[],
  managers: readonly JetStreamManager[],
): Promise<void> {
  let heard = 0;
  const count = { callback: () => void (heard += 1) };
  const subscriptions = all.map((nats) => nats.subscribe(">", count));
  for (let quiet = 0; quiet < 2; quiet++) {
    const before = heard;
    await Promise.all(
      managers.flatMap((manager) => Array.from({ length: 16 }, () => manager.streams.names().next())),
    );
    await pause(1200); // two cores that have other tests to run may be as late
    for (const nats of all) await nats.flush();
    if (before !== heard) quiet = -1;
  }
  for (const subscription of subscriptions) subscription.unsubscribe();
}
