// Room: whoever fills the streams with all that its key may publish pushes out what others wrote there; what a host needs to
// go on is then read from its reserve. With the keys of `ouroboros nats-config`, on real servers.
import assert from "node:assert/strict";
import { type JetStreamManager, type StoredMsg, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, connect, headers } from "nats";
import { BUCKETS, STREAMS, heldKey, reserveOf, subjects } from "../../shared/contract/subjects.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { getHeldText, getLastKept, readReserved } from "../../shared/nats/reserve.ts";
import { type NatsServer, startNats } from "../bed/bed.ts";
import { type NatsConfigFolder, upgradeNatsConfig, writeNatsConfig } from "../support/nats-config-folder.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { until } from "../support/until.ts";

const [HOST, OTHER] = ["web01", "web.02"];
const HELD = `KV_${BUCKETS.held}`;
const RUN = subjects.run(HOST, "r1");
const PLAN = subjects.hook({ host: HOST, hook: "updates_enumerated", container: null, event: "r1-e" });
const HOLD = `$KV.${BUCKETS.held}.${heldKey(HOST, "web")}`;
const RELEASED = `$KV.${BUCKETS.held}.${heldKey(HOST, "db")}`;

/** What a host's own keys write, and what another host's can fill. */
const floods: readonly (readonly [stream: string, subjectOf: (n: number) => string])[] = [
  [STREAMS.runs, (n) => subjects.run(OTHER, `x${n}`)],
  [STREAMS.hooks, (n) => `ouroboros.hook.web=2E02.before_update.web.x${n}`],
  [HELD, (n) => `$KV.${BUCKETS.held}.web=2E02.x${n}`],
];

for (const version of ["2.10", "2.15"] as const)
  describe(`a host whose streams another host fills, on nats-server ${version}`, () => {
    let keys: NatsConfigFolder;
    let server: NatsServer;
    let operator: NatsConnection;
    let manager: JetStreamManager;

    before(async () => {
      keys = await writeNatsConfig("--hosts", `${HOST},${OTHER}`);
      server = await startNats({ version, config: keys.config });
      operator = await enter(server, keys, "operator");
      manager = await jetstreamManager(operator);
      await prepare(server, keys, HOST);
      assert.equal(await isThere(manager, reserveOf(HOST)), false); // alone it has all the room there is
      const poller = await enter(server, keys, "poller_web01");
      await jetstream(poller).publish(`$KV.${BUCKETS.hosts}.${HOST}`, "{}");
      await prepare(server, keys, OTHER);
      const updater = await enter(server, keys, "updater_web01");
      for (const [subject, text] of [
        [subjects.open(HOST), "open"],
        ...[RUN, RUN, RUN].map((subject, n) => [subject, `record ${n}`] as const),
        [HOLD, "held"],
        [RELEASED, "held"],
      ] as const)
        await jetstream(updater).publish(subject, text);
      await jetstream(poller).publish(PLAN, "plan");
      await until(
        "the reserve has it",
        async () => (await manager.streams.info(reserveOf(HOST))).state.messages === 7,
      );
      for (const [stream] of floods) await manager.streams.update(stream, { max_bytes: 256 * 1024 });
      const evil = await enter(server, keys, "updater_web=2E02");
      for (const [, subjectOf] of floods)
        for (let n = 0; n < 12; n++) await jetstream(evil).publish(subjectOf(n), "x".repeat(50_000));
      for (const nats of [poller, updater, evil]) await nats.close();
    });
    after(async () => {
      await operator.close();
      await server[Symbol.asyncDispose]();
      await keys[Symbol.asyncDispose]();
    });

    it("reads its fence, journal, plan and holds from its reserve, with its own keys", async () => {
      for (const [stream, subject] of [
        [STREAMS.runs, subjects.open(HOST)],
        [STREAMS.runs, RUN],
        [STREAMS.hooks, PLAN],
        [HELD, HOLD],
      ] as const)
        assert.equal(await getLastMessage(manager, stream, subject), undefined, `${subject} is pushed out`);
      const updater = await enter(server, keys, "updater_web01");
      const own = await jetstreamManager(updater, { checkAPI: false });
      const last = async (stream: string, subject: string) => {
        const kept = await getLastKept(own, { host: HOST, stream, subject });
        return [kept?.message.string(), kept?.sequence];
      };
      assert.deepEqual(await last(STREAMS.runs, subjects.open(HOST)), ["open", 0]);
      assert.deepEqual(await last(STREAMS.hooks, PLAN), ["plan", 0]);
      assert.deepEqual((await readReserved(own, HOST, RUN)).map(textOf), [
        "record 0",
        "record 1",
        "record 2",
      ]);
      const poller = await enter(server, keys, "poller_web01");
      const pollers = await jetstreamManager(poller, { checkAPI: false });
      assert.equal(await getHeldText(pollers, HOST, "web"), "held");
      await updater.close();
      await poller.close();
    });

    it("holds no more what it has released since", async () => {
      const updater = await enter(server, keys, "updater_web01");
      const own = await jetstreamManager(updater, { checkAPI: false });
      assert.equal(await getHeldText(own, HOST, "db"), "held");
      const deleted = headers();
      deleted.set("KV-Operation", "DEL");
      await jetstream(updater).publish(RELEASED, "", { headers: deleted });
      assert.equal(await getHeldText(own, HOST, "db"), undefined);
      await updater.close();
    });

    it("has a reserve that the other host can neither fill nor read", async () => {
      const { state } = await manager.streams.info(reserveOf(HOST), { subjects_filter: ">" });
      assert.deepEqual(
        Object.keys(state.subjects ?? {}).filter((subject) => subject.includes("web=2E02")),
        [],
      );
      const updater = await enter(server, keys, "updater_web=2E02");
      const others = await jetstreamManager(updater, { checkAPI: false });
      assert.deepEqual(await readReserved(others, HOST, RUN), []);
      await updater.close();
    });
  });

describe("a host without a reserve", () => {
  for (const [what, write] of [
    ["an account of its own for each key", writeNatsConfig],
    ["one account for all", upgradeNatsConfig],
  ] as const)
    it(`finds nothing, at once, with the permissions of an earlier version and ${what}`, async () => {
      await using keys = await write("--hosts", `${HOST},${OTHER}`);
      const config = keys.config.replace(/^.*OUROBOROS_RESERVE.*$/gm, "");
      await using server = await startNats({ config });
      await prepare(server, keys, `${HOST},${OTHER}`);
      const updater = await enter(server, keys, "updater_web01");
      const own = await jetstreamManager(updater, { checkAPI: false, timeout: 60_000 });
      assert.equal(await getHeldText(own, HOST, "web"), undefined);
      assert.deepEqual(await readReserved(own, HOST, RUN), []);
      await updater.close();
    });
});

const textOf = (message: StoredMsg): string => message.string();

async function enter({ url }: NatsServer, keys: NatsConfigFolder, user: string): Promise<NatsConnection> {
  return connect({ servers: url, ...(await keys.connection(user)) });
}

async function prepare({ url }: NatsServer, keys: NatsConfigFolder, hosts: string): Promise<void> {
  const env = { NATS_URL: url, ...keys.access("operator") };
  const { code, err } = await runOperatorCommand(env, ["nats-config", "prepare", "--hosts", hosts]);
  assert.equal(code, 0, err);
}

const isThere = (manager: JetStreamManager, stream: string): Promise<boolean> =>
  manager.streams.info(stream).then(
    () => true,
    () => false,
  );
