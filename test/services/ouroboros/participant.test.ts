import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect } from "nats";
import { BUCKETS, STREAMS, subjects } from "../../../shared/subjects.ts";
import { type NatsServer, startNats } from "../../bed/bed.ts";
import { command } from "../../support/command.ts";

describe("ouroboros participant", () => {
  let nats: NatsServer;
  beforeEach(async () => {
    nats = await startNats();
  });
  afterEach(() => nats[Symbol.asyncDispose]());

  it("add makes the consumer and the entry, and the streams where nobody has yet", async () => {
    const { code, out } = await run(
      "add",
      "ci",
      "--hooks",
      "before_update,after_update",
      "--timeout",
      "90",
      "--max",
      "2h",
    );
    assert.deepEqual([code, out], [0, "ci added; it takes its events from gate_ci of OUROBOROS_HOOKS\n"]);
    const { consumer, entry } = await stored("ci");
    assert.deepEqual(consumer?.filter_subjects, [
      subjects.hooksOf(null, "before_update"),
      subjects.hooksOf(null, "after_update"),
    ]);
    assert.deepEqual(
      [consumer.deliver_policy, consumer.ack_policy, consumer.max_ack_pending],
      ["new", "explicit", 16],
    );
    assert.deepEqual(entry, {
      hooks: ["before_update", "after_update"],
      hosts: ["*"],
      timeout_ms: 90_000,
      max_ms: 7_200_000,
      on_timeout: "defer",
    });
  });

  it("add confines it to its hosts", async () => {
    await run("add", "ci", "--hooks", "before_update", "--hosts", "web-01.example.com");
    assert.equal(
      (await stored("ci")).consumer?.filter_subject,
      "ouroboros.hook.web-01=2Eexample=2Ecom.before_update.>",
    );
  });

  it("add takes no name twice, and leaves the first as it was", async () => {
    await run("add", "ci", "--hooks", "before_update");
    const { code, err } = await run("add", "ci", "--hooks", "after_update");
    assert.equal(code, 1);
    assert.match(err, /the name ci is taken/);
    assert.equal((await stored("ci")).consumer?.filter_subject, subjects.hooksOf(null, "before_update"));
  });

  it("add tells all that is wrong at once and exits with 2", async () => {
    const flags = ["--hooks", "before_updates", "--timeout", "soon", "--on-timeout", "wait", "-o", "xml"];
    const { code, err } = await run("add", "exec_web01", ...flags);
    assert.equal(code, 2);
    for (const told of [
      /NAME "exec_web01": is reserved/,
      /--hooks "before_updates": allowed are updates_enumerated, /,
      /--timeout "soon": allowed is a number/,
      /--on-timeout "wait": .*"defer"/,
      /--output "xml": allowed are text, json/,
    ])
      assert.match(err, told);
  });

  const wrong: readonly [string, readonly string[], RegExp][] = [
    ["a missing NAME", ["add", "--hooks", "before_update"], /NAME is missing/],
    ["missing hooks", ["add", "ci"], /--hooks is missing/],
    ["no hooks", ["add", "ci", "--hooks", ","], /--hooks ",": at least one is needed/],
    [
      "a name that is no token",
      ["add", "a.b", "--hooks", "before_update"],
      /NAME "a\.b": allowed are letters/,
    ],
    ["the operator's name", ["add", "operator", "--hooks", "before_update"], /is reserved/],
    [
      "a maximum below the timeout",
      ["add", "ci", "--hooks", "before_update", "--max", "1m"],
      /--max 1m must not be less than --timeout 10m/,
    ],
    ["an unknown flag", ["list", "--all"], /--all/],
    ["an unknown verb", ["change", "ci"], /change is no command/],
    ["two names", ["remove", "a", "b"], /b: too many words/],
    ["removing nothing", ["remove"], /NAME is missing/],
  ];
  for (const [what, args, says] of wrong)
    it(`refuses ${what}`, async () => {
      const { code, err } = await run(...args);
      assert.equal(code, 2);
      assert.match(err, says);
    });

  it("list prints a table, empty at first", async () => {
    assert.equal((await run("list")).out, "NAME  HOOKS  HOSTS  TIMEOUT  MAX  ON TIMEOUT\n");
    await run("add", "ci", "--hooks", "before_update", "--hosts", "*,h1");
    await run("add", "a-gate", "--hooks", "after_update", "--timeout", "90", "--on-timeout", "refuse");
    assert.equal(
      (await run("list")).out,
      [
        "NAME    HOOKS          HOSTS  TIMEOUT  MAX  ON TIMEOUT",
        "a-gate  after_update   *      90s      1h   refuse",
        "ci      before_update  *      10m      1h   defer",
        "",
      ].join("\n"),
    );
  });

  it("prints JSON with -o json", async () => {
    const added = JSON.parse(
      (await run("add", "ci", "--hooks", "before_update", "-o", "json")).out,
    ) as object;
    assert.deepEqual(JSON.parse((await run("list", "-o", "json")).out), [added]);
    assert.deepEqual(JSON.parse((await run("remove", "ci", "--output", "json")).out), { removed: "ci" });
  });

  it("remove takes away the entry and the consumer, and the name is free again", async () => {
    await run("add", "ci", "--hooks", "before_update");
    assert.equal((await run("remove", "ci")).code, 0);
    assert.deepEqual(await stored("ci"), { consumer: undefined, entry: undefined });
    assert.equal((await run("add", "ci", "--hooks", "after_update")).code, 0);
  });

  it("remove of an unknown name is an error", async () => {
    const { code, err } = await run("remove", "nobody");
    assert.deepEqual([code, err], [1, "ouroboros participant remove: there is no participant nobody\n"]);
  });

  it("says that NATS_URL is needed, and that NATS does not answer", async () => {
    const unset = await runWith({}, ["list"]);
    assert.equal(unset.code, 3);
    assert.match(unset.err, /NATS_URL is not set/);
    const silent = await runWith({ NATS_URL: "nats://127.0.0.1:1" }, ["list"]);
    assert.equal(silent.code, 3);
    assert.match(silent.err, /NATS at nats:\/\/127\.0\.0\.1:1 cannot be used/);
  });

  it("explains itself", async () => {
    assert.match((await run("--help")).out, /ouroboros participant add {2,}Adds who/);
  });

  const run = (...args: string[]) => runWith({ NATS_URL: nats.url }, args);

  async function stored(name: string) {
    const connection = await connect({ servers: nats.url });
    const manager = await jetstreamManager(connection);
    const info = await manager.consumers.info(STREAMS.hooks, `gate_${name}`).catch(() => undefined);
    const entry = await (await new Kvm(connection).open(BUCKETS.participants)).get(name);
    await connection.close();
    return {
      consumer: info?.config,
      entry: entry?.operation === "PUT" ? (JSON.parse(entry.string()) as unknown) : undefined,
    };
  }
});

const runWith = (env: NodeJS.ProcessEnv, args: readonly string[]) => command(env, ["participant", ...args]);
