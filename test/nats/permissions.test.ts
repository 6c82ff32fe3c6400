import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import tls from "node:tls";
import { AckPolicy, type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { type NatsConnection, PermissionViolationError, connect } from "nats";
import {
  type Permissions,
  type RoleName,
  type User,
  roleNames,
  roles,
  userName,
} from "../../nats/permissions.ts";
import { parseStoredVerdict } from "../../services/updater/gate/collect-verdicts.ts";
import { readMessages, publish } from "../../shared/nats/jetstream.ts";
import type { Verdict } from "../../shared/contract/messages.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { systemClock } from "../../shared/clock.ts";
import { type NatsServer, startNats } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { type NatsConfigFolder, upgradeNatsConfig } from "../support/nats-config-folder.ts";

const users: readonly User[] = [
  { role: "operator", name: "" },
  ...["web01", "web.02"].flatMap((name) =>
    (["poller", "updater", "exec"] as const).map((role) => ({ role, name })),
  ),
  { role: "participant", name: "a" },
  { role: "participant", name: "b" },
  { role: "watcher", name: "eye" },
  { role: "reader", name: "log" },
];
const all = users.map(userName);
const confined = all.filter((user) => user !== "operator");
const of = (role: RoleName): string[] =>
  users.filter((user) => user.role === role).map((user) => userName(user));

/** What, who must not, and the subjects that it would take. */
type Denied = readonly [what: string, who: readonly string[], subjects: readonly string[]];

const deniedToPublish: readonly Denied[] = [
  ["answer for another participant", ["participant_a"], ["ouroboros.verdict.web01.b.e"]],
  ["report progress for another", ["participant_a"], ["ouroboros.progress.web01.b.e"]],
  ["answer as the operator", confined, ["ouroboros.verdict.web01.operator.e"]],
  [
    "answer as a hook-executor",
    ["participant_a", ...of("poller"), ...of("updater")],
    ["ouroboros.verdict.web01.exec_web01.e"],
  ],
  [
    "answer on another host, as its hook-executor or as oneself",
    ["exec_web=2E02"],
    ["ouroboros.verdict.web01.exec_web01.e", "ouroboros.verdict.web01.exec_web=2E02.e"],
  ],
  [
    "answer at all",
    [...of("poller"), ...of("updater"), ...of("watcher"), ...of("reader")],
    ["ouroboros.verdict.web01.a.e", "ouroboros.progress.web01.a.e"],
  ],
  [
    "fake an event",
    [...of("exec"), ...of("participant"), ...of("watcher"), ...of("reader")],
    ["ouroboros.hook.web01.before_update.web.e", "ouroboros.hook.web01.updates_enumerated._.e"],
  ],
  ["publish other events than plans", of("poller"), ["ouroboros.hook.web01.before_update.web.e"]],
  [
    "act for another host",
    ["poller_web=2E02", "updater_web=2E02"],
    [
      "ouroboros.hook.web01.updates_enumerated._.e",
      "ouroboros.hook.web01.before_update.web.e",
      "ouroboros.run.web01.r",
      "ouroboros.run.web01.open",
      "$KV.OUROBOROS_HOSTS.web01",
      "$KV.OUROBOROS_HELD.web01.web",
      "$JS.API.CONSUMER.MSG.NEXT.OUROBOROS_HOOKS.updater_web01",
      "$JS.API.CONSUMER.INFO.OUROBOROS_HOOKS.updater_web01",
      "$JS.ACK.OUROBOROS_HOOKS.updater_web01.1.1.1.1.1",
      "ouroboros.command.web01.updater.yield",
      "ouroboros.command.web01.poller.check",
      "ouroboros.command.web01.poller.look",
    ],
  ],
  [
    "write the journal",
    confined.filter((user) => user !== "updater_web01"),
    ["ouroboros.run.web01.r", "ouroboros.run.web01.open"],
  ],
  ["say who is asked", confined, ["$KV.OUROBOROS_PARTICIPANTS.a", "$KV.OUROBOROS_PARTICIPANTS.c"]],
  [
    "say anything about a digest for the operator, or for another participant",
    confined.filter((user) => user !== "participant_b"),
    ["$KV.OUROBOROS_APPROVALS.operator.shop.x", "$KV.OUROBOROS_APPROVALS.b.shop.x"],
  ],
  ["say what is held", confined.filter((user) => user !== "updater_web01"), ["$KV.OUROBOROS_HELD.web01.web"]],
  ["claim a host's name", confined.filter((user) => user !== "poller_web01"), ["$KV.OUROBOROS_HOSTS.web01"]],
  [
    "give commands",
    confined.filter((user) => user !== "updater_web01"),
    [
      "ouroboros.command.web01.poller.check",
      "ouroboros.command.web01.poller.look",
      "ouroboros.command.web01.updater.yield",
    ],
  ],
  [
    "ask the updater how it is",
    confined.filter((user) => !["updater_web01", "poller_web01"].includes(user)),
    ["ouroboros.command.web01.updater.status"],
  ],
  [
    "delete, purge, change or make streams and buckets",
    confined,
    ["DELETE", "PURGE", "UPDATE", "CREATE", "MSG.DELETE", "RESTORE", "SNAPSHOT"].flatMap((call) =>
      ["OUROBOROS_HOOKS", "OUROBOROS_VERDICTS", "OUROBOROS_RUNS", "KV_OUROBOROS_PARTICIPANTS"].map(
        (stream) => `$JS.API.STREAM.${call}.${stream}`,
      ),
    ),
  ],
  [
    "make, change or delete a consumer of a stream, their own too",
    confined,
    [
      "$JS.API.CONSUMER.CREATE.OUROBOROS_HOOKS",
      "$JS.API.CONSUMER.CREATE.OUROBOROS_HOOKS.gate_a.ouroboros.hook.>",
      "$JS.API.CONSUMER.CREATE.OUROBOROS_HOOKS.updater_web01.ouroboros.hook.>",
      "$JS.API.CONSUMER.DURABLE.CREATE.OUROBOROS_HOOKS.gate_a",
      "$JS.API.CONSUMER.CREATE.OUROBOROS_VERDICTS.x.ouroboros.verdict.>",
      "$JS.API.CONSUMER.DELETE.OUROBOROS_HOOKS.gate_a",
      "$JS.API.CONSUMER.DELETE.OUROBOROS_HOOKS.gate_b",
      "$JS.API.CONSUMER.DELETE.OUROBOROS_HOOKS.updater_web01",
      "$JS.API.CONSUMER.PAUSE.OUROBOROS_HOOKS.gate_a",
    ],
  ],
  [
    "take or acknowledge what is another's",
    confined.filter((user) => user !== "participant_b"),
    ["gate_b", "notices_b"].flatMap((durable) => [
      `$JS.API.CONSUMER.MSG.NEXT.OUROBOROS_HOOKS.${durable}`,
      `$JS.ACK.OUROBOROS_HOOKS.${durable}.1.1.1.1.1`,
    ]),
  ],
  [
    "read verdicts",
    confined.filter((user) => !of("updater").includes(user)),
    [
      "$JS.API.STREAM.MSG.GET.OUROBOROS_VERDICTS",
      "$JS.API.STREAM.INFO.OUROBOROS_VERDICTS",
      "$JS.API.CONSUMER.MSG.NEXT.OUROBOROS_VERDICTS.x",
    ],
  ],
  [
    "have the server copy a message to a place of their choice",
    confined,
    ["OUROBOROS_VERDICTS", "OUROBOROS_HOOKS", "OUROBOROS_RUNS", "KV_OUROBOROS_HOSTS"].flatMap((stream) => [
      `$JS.API.DIRECT.GET.${stream}`,
      `$JS.API.DIRECT.GET.${stream}.x`,
    ]),
  ],
  [
    "look at what there is",
    confined,
    ["$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.INFO", "$JS.API.CONSUMER.LIST.OUROBOROS_HOOKS"],
  ],
  [
    "fake an advisory of the server",
    confined,
    ["$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.OUROBOROS_HOOKS.gate_b"],
  ],
  ["publish anything", of("watcher"), ["x", "ouroboros.hook.x.y.z.e", "_INBOX.x", "$JS.API.INFO"]],
];

const deniedToHear: readonly Denied[] = [
  ["read everything", confined, [">", "*.>", "_INBOX.>", "_INBOX_*.>"]],
  [
    "hear verdicts",
    confined.filter((user) => !of("updater").includes(user)),
    ["ouroboros.verdict.>", "ouroboros.verdict.web01.*.*", "ouroboros.progress.web01.*.*"],
  ],
  [
    "hear another host",
    ["updater_web=2E02", "poller_web=2E02"],
    ["ouroboros.verdict.web01.*.*", "ouroboros.run.web01.*"],
  ],
  [
    "answer commands in another's place",
    confined.filter((user) => !["updater_web01", "poller_web01"].includes(user)),
    [
      "ouroboros.command.web01.poller.check",
      "ouroboros.command.web01.poller.look",
      "ouroboros.command.web01.updater.yield",
      "ouroboros.command.>",
    ],
  ],
  [
    "hear events without being asked",
    [...of("exec"), ...of("participant")],
    ["ouroboros.hook.>", "ouroboros.hook.web01.>"],
  ],
];

const tell = (who: readonly string[]): string => {
  const but = confined.filter((user) => !who.includes(user));
  return but.length === 0
    ? "anyone but the operator"
    : but.length <= 2
      ? `anyone but ${but.join(", ")}`
      : who.join(", ");
};

/** As the gate finds it: the first on its subject that is one. */
async function firstVerdict(manager: JetStreamManager, subject: string): Promise<Verdict | undefined> {
  for await (const message of readMessages(manager, STREAMS.verdicts, subject)) {
    const verdict = parseStoredVerdict(message);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

for (const version of ["2.10", "2.15"] as const) {
  describe(`the rights of each role where all users share one account, on nats-server ${version}`, () => {
    let keys: NatsConfigFolder;
    let server: NatsServer;
    const open = new Map<string, NatsConnection>();
    const errors = new Map<string, string[]>();

    before(async () => {
      keys = await upgradeNatsConfig(
        ...["--hosts", "web01,web.02", "--participants", "a,b"],
        ...["--watchers", "eye", "--readers", "log"],
      );
      server = await startNats({ version, config: keys.config });
      const prepared = await operate("nats-config", "prepare", "--hosts", "web01,web.02", "--readers", "log");
      assert.deepEqual([prepared.code, prepared.err], [0, ""]);
      for (const user of all) await enter(user);
      const manager = await jetstreamManager(as("operator"));
      for (const name of ["a", "b"])
        await manager.consumers.add("OUROBOROS_HOOKS", {
          durable_name: `gate_${name}`,
          ack_policy: AckPolicy.Explicit,
        });
    });
    after(async () => {
      for (const nats of open.values()) await nats.close();
      await server[Symbol.asyncDispose]();
      await keys[Symbol.asyncDispose]();
    });

    const operate = (...words: readonly string[]) =>
      runOperatorCommand({ NATS_URL: server.url, ...keys.access("operator") }, words);
    const as = (user: string): NatsConnection => {
      const nats = open.get(user);
      assert.ok(nats, user);
      return nats;
    };
    async function enter(user: string): Promise<void> {
      const nats = await connect({ servers: server.url, ...(await keys.connection(user)) });
      open.set(user, nats);
      const seen: string[] = [];
      errors.set(user, seen);
      void (async () => {
        for await (const status of nats.status())
          if (status.type === "error" && status.error instanceof PermissionViolationError)
            seen.push(`${status.error.operation} ${status.error.subject}`);
      })();
    }
    /** Which of the subjects the server refused. */
    async function refused(user: string, operation: "publish" | "subscription", subjects: readonly string[]) {
      const nats = as(user);
      const seen = errors.get(user) ?? [];
      seen.length = 0;
      const made = subjects.map((subject) =>
        operation === "publish"
          ? nats.publish(subject, "{}")
          : nats.subscribe(subject, { callback: () => undefined }),
      );
      await nats.flush();
      await turn();
      for (const one of made) one?.unsubscribe();
      return subjects.filter((subject) => seen.includes(`${operation} ${subject}`));
    }

    for (const role of roleNames.filter((one) => one !== "leaf"))
      it(`let ${role} do what the table says`, async () => {
        for (const user of users.filter((one) => one.role === role && role !== "operator")) {
          const { publish: may, subscribe, serves }: Permissions = roles[role].rights(user.name);
          const concrete = [...may, ...serves.filter(({ own }) => own)].map(({ subject }) =>
            subject.replace(/\*/g, "x").replace(/>$/, "x.y"),
          );
          const mine = [...subscribe, ...serves].map(({ subject }) => subject);
          assert.deepEqual(await refused(userName(user), "publish", concrete), []);
          assert.deepEqual(
            await refused(userName(user), "subscription", [...mine, `${await keys.inbox(userName(user))}.>`]),
            [],
          );
        }
        if (role === "operator")
          assert.deepEqual(
            await refused("operator", "publish", ["ouroboros.verdict.web01.operator.e", "x"]),
            [],
          );
      });

    for (const [what, who, subjects] of deniedToPublish)
      it(`do not let ${tell(who)} ${what}`, async () => {
        for (const user of who) {
          assert.deepEqual(await refused(user, "publish", subjects), subjects, user);
        }
      });

    for (const [what, who, subjects] of deniedToHear)
      it(`do not let ${tell(who)} ${what}`, async () => {
        for (const user of who) {
          assert.deepEqual(await refused(user, "subscription", subjects), subjects, user);
        }
      });

    it("let nobody but its owner listen to an inbox", async () => {
      for (const user of confined) {
        const others = await Promise.all(all.filter((one) => one !== user).map((one) => keys.inbox(one)));
        const subjects = others.map((inbox) => `${inbox}.>`);
        assert.deepEqual(await refused(user, "subscription", subjects), subjects);
      }
    });

    it("let a poller answer an observer whose users ask it", async () => {
      await enter("observer_dashboard");
      const poller = as("poller_web01");
      poller.subscribe("ouroboros.command.web01.poller.*", {
        callback: (_, message) => void message.respond("yes"),
      });
      await poller.flush();
      const asked = as("observer_dashboard").request("ouroboros.command.web01.poller.status", "{}");
      assert.equal((await asked).string(), "yes");
    });

    it("let nobody in who has no key", async () => {
      const { tls } = await keys.connection("operator");
      await assert.rejects(connect({ servers: server.url, ...(tls && { tls }) }), /uthorization/);
      await assert.rejects(
        connect({ servers: server.url, user: "operator", pass: "", ...(tls && { tls }) }),
        /uthorization/,
      );
    });

    it("let in who is slow to encrypt, as on a busy machine", async () => {
      const { tls: options } = await keys.connection("operator");
      const socket = createConnection(server.port, "127.0.0.1");
      await once(socket, "data"); // the server's greeting, after which it waits
      await pause(3000);
      const encrypted = tls.connect({ socket, ca: await readFile(options?.caFile ?? "", "utf8") });
      await once(encrypted, "secureConnect");
      encrypted.write("CONNECT {}\r\n");
      assert.match(String(await once(encrypted, "data")), /Authorization Violation/);
      encrypted.destroy();
    });

    it("let not even the operator delete a single event, verdict or record", async () => {
      const manager = await jetstreamManager(as("operator"));
      for (const [stream, subject] of [
        ["OUROBOROS_HOOKS", "ouroboros.hook.web01.before_update.web.kept"],
        ["OUROBOROS_VERDICTS", "ouroboros.verdict.web01.a.kept"],
        ["OUROBOROS_RUNS", "ouroboros.run.web01.kept"],
      ] as const) {
        const { seq } = await jetstream(as("operator")).publish(subject, "{}");
        await assert.rejects(
          manager.streams.deleteMessage(stream, seq),
          /delete not permitted|not permitted/,
        );
      }
    });

    it("let no answer of the server, and no event, become a verdict of another", async () => {
      const [bs, host] = ["ouroboros.verdict.web01.b.trap", "web01"];
      const forged = {
        js: jetstream(as("updater_web=2E02")),
        clock: systemClock,
        signal: AbortSignal.timeout(5000),
      };
      const body = { verdict: "proceed", reason: "forged" };
      await publish(forged, { subject: "ouroboros.hook.web=2E02.before_update.web.trap", body });
      const a = as("participant_a");
      const exec = as("exec_web=2E02");
      a.publish(`ouroboros.verdict.${host}.a.trap`, "proceed", { reply: bs });
      for (const durable of ["gate_a"]) {
        a.publish(`$JS.API.CONSUMER.INFO.OUROBOROS_HOOKS.${durable}`, "", { reply: bs });
        a.publish(`$JS.API.CONSUMER.MSG.NEXT.OUROBOROS_HOOKS.${durable}`, '{"batch":10,"no_wait":true}', {
          reply: bs,
        });
      }
      exec.publish(
        "$JS.API.CONSUMER.MSG.NEXT.OUROBOROS_HOOKS.gate_exec_web=2E02",
        '{"batch":10,"no_wait":true}',
        { reply: bs },
      );
      await Promise.all([a.flush(), exec.flush()]);
      await systemClock.sleep(300);
      await jetstream(as("participant_b"))
        .publish(bs, "refuse: mine")
        .catch(() => undefined);
      const manager = await jetstreamManager(as("updater_web01"), { checkAPI: false });
      assert.equal((await firstVerdict(manager, bs))?.reason, "mine");
    });
  });
}
