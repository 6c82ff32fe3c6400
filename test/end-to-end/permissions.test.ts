import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { jetstream } from "@nats-io/jetstream";
import { type NatsConnection, connect } from "nats";
import type { CloudEvent } from "../../shared/contract/messages.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import { type User, userName } from "../../nats/permissions.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import { engine } from "../bed/bed.ts";
import { adversary, attack } from "../support/adversary.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { runOuroboros } from "../support/participants.ts";
import { update } from "../support/runs.ts";
import { ROLE_OF, type NatsConfigFolder, writeNatsConfig } from "../support/nats-config-folder.ts";
import { type ServiceName, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull } from "../support/full-run.ts";

const h1 = engine(1);

for (const version of firstUnlessFull(["2.10", "2.15"] as const)) {
  describe(`a whole run where everyone has the rights of its role only, on nats-server ${version}`, () => {
    after(() => h1.clean());

    it("works over TLS; nobody tries what is forbidden, and who does, at each event, changes nothing", async () => {
      const hosts = `${h1.name},evil`;
      const roles = ["--hosts", hosts, "--participants", "a,b,c", "--watchers", "eye", "--readers", "log"];
      await using keys = await writeNatsConfig(...roles);
      await using stack = await startStack({
        engine: h1,
        services: [],
        nats: { version, config: keys.config },
        forges: true, // on its own host's subjects
        operator: { access: keys.access("operator"), connection: await keys.connection("operator") },
      });
      await deploy(h1, "web");
      await deploy(h1, "db");
      await succeeds(stack, "nats-config", "prepare", "--hosts", hosts, "--readers", "log");
      for (const name of ["a", "b"])
        await succeeds(stack, "participant", "add", name, "--hooks", "before_update", "--timeout", "20s");
      for (const [service, role] of Object.entries(ROLE_OF))
        stack.start(service as ServiceName, { env: keys.access(`${role}_${h1.name}`) });
      await stack.script("before_update/note", `#!/bin/sh\necho >> ${stack.folder}/ran\n`);
      await using eye = await enter(keys, "watcher_eye", stack.server.url);
      const seen: string[] = [];
      for (const subject of ["ouroboros.hook.>", "ouroboros.run.>"])
        eye.nats.subscribe(subject, { callback: (_error, message) => void seen.push(message.subject) });
      await using evil = await enterAll(keys, stack.server.url);
      const attacks: Promise<number>[] = [];
      await using _a = await answer(keys, "a", stack.server.url, (event) => {
        if (attacks.length < 2 * EVIL.length)
          attacks.push(...evil.attackers.map(([nats, user]) => abuse(nats, user, event)));
        return "proceed";
      });
      await using _b = await answer(keys, "b", stack.server.url, ({ subject }) =>
        subject === "db" ? "refuse: not the database" : "proceed",
      );
      await stack.check();
      await release("apps/web", "2");
      await release("apps/db", "2");
      assert.deepEqual(await update(stack), { web: "updated", db: "refused" });
      assert.deepEqual(await overview(h1), ["db running 1", "web running 2"]);
      await commands(stack, keys);
      assert.equal((await readFile(`${stack.folder}/ran`, "utf8")).length, 4);
      const refused = stack.records.find((one) => one.kind === "ended" && one.end === "refused");
      assert.ok(
        refused?.kind === "ended" && refused.because.includes("not the database"),
        JSON.stringify(refused),
      );
      assert.ok((await Promise.all(attacks)).reduce((all, tried) => all + tried, 0) > 1000);
      await eye.nats.flush();
      assert.ok(stack.events.every(({ subject }) => seen.includes(subject)));
      const read = await readAll(keys, stack.server.url, STREAMS.hooks);
      assert.deepEqual(
        stack.events.map(({ subject }) => subject).filter((subject) => !read.includes(subject)),
        [],
      );
      assert.ok((await readAll(keys, stack.server.url, STREAMS.runs)).length >= stack.records.length);
      assert.doesNotMatch(await readFile(stack.server.log, "utf8"), /Violation/);
      for (const user of ["participant_a", "reader_log"])
        assert.equal(
          (await runOperatorCommand({ NATS_URL: stack.server.url, ...keys.access(user) }, ["status"])).code,
          3,
        );
    });
  });
}

/** What an operator asks and decides, over TLS and with the rights of each side; and one who is not the operator. */
async function commands(stack: Stack, keys: NatsConfigFolder): Promise<void> {
  const run = (words: readonly string[]) =>
    runOperatorCommand({ NATS_URL: stack.server.url, ...keys.access("operator") }, words);
  for (const kind of ["update", "rollback"] as const) {
    if (kind === "update") {
      await release("apps/web", "3");
      await succeeds(stack, "participant", "add", "silent", "--hooks", "before_update");
    }
    await until(`${kind} is begun`, async () => (await run([kind, "web"])).code === 0);
    if (kind === "update") {
      await until("it is decided", async () => (await run(["verdict", "web", "proceed"])).code === 0);
      await succeeds(stack, "participant", "remove", "silent");
      await until("the image is there", async () => (await overview(h1)).includes("web running 3"));
    } else {
      await until("the image before is back", async () => (await overview(h1)).includes("web running 2"));
    }
    await until("the updater is idle", async () => {
      const { out } = await run(["status", "-o", "json"]);
      const { hosts } = JSON.parse(out) as { hosts: { host: string; updater: string }[] };
      return hosts.find(({ host }) => host === h1.name)?.updater === "idle"; // the other made an entry for its own host
    });
  }
  for (const words of [
    ["repair", "--host", h1.name],
    ["pending"],
    ["history"],
    ["events"],
    ["explain", "web"],
    ["check", "web", "--host", h1.name],
    ["participant", "list"],
  ]) {
    const { code, err } = await run(words);
    assert.equal(code, 0, `${words.join(" ")}: ${err}`);
  }
}

async function succeeds(...[stack, ...args]: Parameters<typeof runOuroboros>): Promise<void> {
  const { code, err } = await runOuroboros(stack, ...args);
  assert.equal(code, 0, err);
}

interface Entered extends AsyncDisposable {
  readonly nats: NatsConnection;
}

async function enter(keys: NatsConfigFolder, user: string, url: string): Promise<Entered> {
  const nats = await connect({ servers: url, timeout: 60_000, ...(await keys.connection(user)) });
  return { nats, [Symbol.asyncDispose]: () => nats.close() };
}

/** A participant with its own rights, as any program would be one. */
async function answer(
  keys: NatsConfigFolder,
  name: string,
  url: string,
  verdictOn: (event: CloudEvent) => string,
): Promise<AsyncDisposable> {
  const { nats } = await enter(keys, `participant_${name}`, url);
  const js = jetstream(nats);
  const messages = await (await js.consumers.get(STREAMS.hooks, consumers.gate(name))).consume();
  const answering = (async () => {
    for await (const message of messages) {
      const event = message.json<CloudEvent>();
      await js.publish(event.verdictsubject.replace("{participant}", name), verdictOn(event));
      await message.ackAck();
    }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      await messages.close();
      await answering;
      await nats.close();
    },
  };
}

/** Another host's keys, those of a participant who is not asked, and a watcher's. */
const EVIL: readonly User[] = [
  ...(["poller", "updater", "exec"] as const).map((role) => ({ role, name: "evil" })),
  { role: "participant", name: "c" },
  { role: "watcher", name: "eye" },
];

interface Attackers extends AsyncDisposable {
  readonly attackers: readonly (readonly [NatsConnection, User])[];
}

async function enterAll(keys: NatsConfigFolder, url: string): Promise<Attackers> {
  const entered = await Promise.all(
    EVIL.map(async (user) => [(await enter(keys, userName(user), url)).nats, user] as const),
  );
  return {
    attackers: entered,
    [Symbol.asyncDispose]: async () => {
      for (const [nats] of entered) await nats.close();
    },
  };
}

/** All that this user may do, aimed at what this event is about. */
function abuse(
  nats: NatsConnection,
  user: User,
  { id, verdictsubject, subject }: CloudEvent,
): Promise<number> {
  const by = (participant: string): string => verdictsubject.replace("{participant}", participant);
  const [run = "", host] = [id.split("-")[0], encodeToken(h1.name)];
  const foreign = [
    ...["a", "b", "operator", `exec_${host}`].map(by),
    ...[run, "open"].map((one) => `ouroboros.run.${host}.${one}`),
    `ouroboros.hook.${host}.after_update.${encodeToken(subject)}.${id.replace("before_update", "after_update")}`,
    `ouroboros.progress.${host}.b.${id}`,
    `$KV.OUROBOROS_PARTICIPANTS.b`,
    `$KV.OUROBOROS_HELD.${host}.${encodeToken(subject)}`,
    `$KV.OUROBOROS_HOSTS.${host}`,
    ...["updater.yield", "updater.repair", "poller.check"].map((one) => `ouroboros.command.${host}.${one}`),
    "$JS.API.STREAM.DELETE.OUROBOROS_VERDICTS",
    "$JS.API.STREAM.PURGE.OUROBOROS_RUNS",
    `$JS.API.CONSUMER.DELETE.OUROBOROS_HOOKS.updater_${host}`,
  ];
  return attack(nats, { ...adversary(user, []), foreign }, [
    "publishes on it",
    "requests what it may, with it as the reply subject",
    "requests from itself, and answers",
    "makes consumers that deliver to it",
  ]);
}

/** What the reader finds in a stream, subject by subject. */
async function readAll(keys: NatsConfigFolder, url: string, stream: string): Promise<string[]> {
  await using log = await enter(keys, "reader_log", url);
  const consumer = await jetstream(log.nats).consumers.get(stream, consumers.reader("log"));
  const found: string[] = [];
  await until("all is read", async () => {
    for await (const message of await consumer.fetch({ max_messages: 100, expires: 1000 })) {
      found.push(message.subject);
      message.ack();
    }
    const { num_pending, num_ack_pending } = await consumer.info();
    return num_pending + num_ack_pending === 0;
  });
  return found;
}
