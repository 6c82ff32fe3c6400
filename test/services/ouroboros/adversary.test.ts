/**
 * Nobody's key does another's work: each role's tries all that it has on all that is not its own, on real servers, and what
 * the streams, buckets and consumers hold and what others hear is compared with what it may write.
 */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { AckPolicy, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, connect } from "nats";
import { userName } from "../../../services/ouroboros/rights.ts";
import { type NatsServer, startNats } from "../../bed/bed.ts";
import {
  adversary,
  attack,
  mayHear,
  maySend,
  meansNames,
  streams,
  targets,
} from "../../support/adversary.ts";
import { adversaries } from "../../support/adversaries.ts";
import { command } from "../../support/command.ts";
import { type Secured, secured } from "../../support/secured.ts";

const all = targets(adversaries);

/** What is there before, of each kind and host. */
const SEEDS = [
  ...["web01", "web=2E02"].flatMap((host) => [
    `ouroboros.hook.${host}.before_update.web.e`,
    `ouroboros.run.${host}.open`,
    `ouroboros.verdict.${host}.a.e`,
    `ouroboros.verdict.${host}.b.e`,
    `$KV.OUROBOROS_HOSTS.${host}`,
    `$KV.OUROBOROS_HELD.${host}.web`,
  ]),
  "$KV.OUROBOROS_PARTICIPANTS.a",
  "$KV.OUROBOROS_PARTICIPANTS.b",
];

for (const version of ["2.10", "2.15"] as const) {
  describe(`an adversary with the key of one role, on nats-server ${version}`, function () {
    this.timeout(180_000);
    let keys: Secured;
    let server: NatsServer;
    let manager: JetStreamManager;
    const open = new Map<string, NatsConnection>();
    const as = (user: string): NatsConnection => {
      const nats = open.get(user);
      assert.ok(nats, user);
      return nats;
    };

    before(async () => {
      keys = await secured(
        ...["--hosts", "web01,web.02", "--participants", "a,b"],
        ...["--watchers", "eye", "--readers", "log"],
      );
      server = await startNats({ version, config: keys.config });
      const operator = { NATS_URL: server.url, ...keys.access("operator") };
      const words = ["nats-config", "prepare", "--hosts", "web01,web.02", "--readers", "log"];
      const prepared = await command(operator, words);
      assert.deepEqual([prepared.code, prepared.err], [0, ""]);
      for (const user of ["operator", ...adversaries.map(userName)])
        open.set(user, await connect({ servers: server.url, ...(await keys.connection(user)) }));
      manager = await jetstreamManager(as("operator"));
      for (const name of ["a", "b"])
        await manager.consumers.add("OUROBOROS_HOOKS", {
          durable_name: `gate_${name}`,
          ack_policy: AckPolicy.Explicit,
        });
      for (const subject of SEEDS) await jetstream(as("operator")).publish(subject, "{}");
    });
    after(async () => {
      for (const nats of open.values()) await nats.close();
      await server[Symbol.asyncDispose]();
      await keys[Symbol.asyncDispose]();
    });

    for (const user of adversaries)
      it(`that is ${userName(user)} reaches nothing that is not its own`, async () => {
        const by = adversary(user, all);
        const came: string[] = [];
        const hear = (name: string, subject: string, isPulled: (reply: string) => boolean) =>
          as(name).subscribe(subject, {
            callback: (_error, message) => {
              if (!isPulled(message.reply ?? "")) came.push(`${name} hears ${message.subject}`);
            },
          });
        const others = adversaries.filter((other) => userName(other) !== userName(user));
        await answersEnd(adversaries.map((one) => as(userName(one))));
        const before = await holdings(manager);
        const heard = [
          ...by.foreign.map((subject) => hear("operator", subject, () => false)),
          ...others.map((other) => hear(userName(other), ">", (reply) => maySend(other, reply))),
        ];
        for (const nats of open.values()) await nats.flush();
        const tried = await attack(as(userName(user)), by);
        for (const nats of open.values()) await nats.flush();
        await pause(200);
        for (const subscription of heard) subscription.unsubscribe();
        const after = await quietHoldings(manager);
        const isMeant = (line: string): boolean => maySend(user, line.split(" hears ")[1] ?? "");
        const arrived = [...new Set(came)].filter((line) => !isMeant(line));
        const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
          (what) => before[what] !== after[what] && (what.includes(" ") || !maySend(user, what)),
        );
        assert.ok(tried > 2000 && meansNames.length >= 8);
        assert.deepEqual({ changed, arrived }, { changed: [], arrived: [] });
      });

    it("hears what is meant for it only", async () => {
      const came = new Map<string, Set<string>>();
      const heard = adversaries.map((user) => {
        const mine = new Set<string>();
        came.set(userName(user), mine);
        return as(userName(user)).subscribe(">", {
          callback: (_error, { subject }) => void mine.add(subject),
        });
      });
      for (const user of adversaries) await as(userName(user)).flush();
      for (const subject of all.filter((one) => !one.startsWith("$JS.")))
        as("operator").publish(subject, "{}");
      await as("operator").flush();
      await quietHoldings(manager);
      for (const subscription of heard) subscription.unsubscribe();
      for (const user of adversaries) {
        const subjects = [...(came.get(userName(user)) ?? [])];
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

    it("deletes, purges and rolls up nothing, the operator's key included", async () => {
      for (const stream of streams) {
        const { config, state } = await manager.streams.info(stream);
        await assert.rejects(manager.streams.deleteMessage(stream, state.last_seq), /not permitted/);
        await assert.rejects(manager.streams.purge(stream), /not permitted/);
        assert.ok(!config.allow_rollup_hdrs && !config.allow_msg_ttl && !config.allow_msg_schedules);
      }
    });
  });
}

type Holdings = Readonly<Record<string, string>>;

/** Streams with their configuration, subjects with how much is stored on them, consumers with theirs. */
async function holdings(manager: JetStreamManager): Promise<Holdings> {
  const found: Record<string, string> = {};
  for await (const name of manager.streams.names()) {
    const { config, state } = await manager.streams.info(name, { subjects_filter: ">" });
    found[`stream ${name}`] = JSON.stringify(config);
    for (const [subject, count] of Object.entries(state.subjects ?? {})) found[subject] = String(count);
    for await (const info of manager.consumers.list(name))
      found[`consumer ${info.name} of ${name}`] = JSON.stringify(info.config);
  }
  return found;
}

/** When nothing has been stored for a while. */
async function quietHoldings(manager: JetStreamManager): Promise<Holdings> {
  for (let last = ""; ;) {
    const found = await holdings(manager);
    if (JSON.stringify(found) === last) return found;
    last = JSON.stringify(found);
    await pause(150);
  }
}

/**
 * When nobody has heard anything for a while: the server answers late where it has much to do, also who asked in the attack
 * before.
 */
async function answersEnd(all: readonly NatsConnection[]): Promise<void> {
  let heard = 0;
  const count = { callback: () => void (heard += 1) };
  const subscriptions = all.map((nats) => nats.subscribe(">", count));
  for (let before = -1; before !== heard;) {
    before = heard;
    await pause(300);
    for (const nats of all) await nats.flush();
  }
  for (const subscription of subscriptions) subscription.unsubscribe();
}
