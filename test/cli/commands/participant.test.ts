import assert from "node:assert/strict";
import { type JetStreamManager, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { ParticipantDetails, ParticipantTestResult } from "../../../cli/output/output-schemas.ts";
import { Kvm } from "@nats-io/kv";
import { connect } from "nats";
import { BUCKETS, STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import { type NatsServer, startNats } from "../../bed/bed.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";

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
      /--on-timeout "wait": allowed are defer, refuse, proceed/,
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

  describe("set", () => {
    const hook = (stream: JetStreamManager, name: "before_update" | "after_update", event: string) =>
      stream.jetstream().publish(subjects.hook({ host: "h1", hook: name, container: "web", event }), "{}");
    const fetched = async (manager: JetStreamManager, most: number): Promise<string[]> => {
      const consumer = await manager.jetstream().consumers.get(STREAMS.hooks, "gate_ci");
      const found: string[] = [];
      for await (const message of await consumer.fetch({ max_messages: most, expires: 1000 })) {
        found.push(message.subject.split(".")[3] ?? "");
        await message.ackAck();
      }
      return found;
    };
    const connected = async (work: (manager: JetStreamManager) => Promise<void>) => {
      const connection = await connect({ servers: nats.url });
      await work(await jetstreamManager(connection)).finally(() => connection.close());
    };
    beforeEach(() => run("add", "ci", "--hooks", "before_update", "--containers", "web*", "--timeout", "90"));

    it("changes what is named and leaves the rest, in the entry and in the consumer", async () => {
      const made = (await stored("ci")).consumer;
      const { code, out, err } = await run(
        ...[
          "set",
          "ci",
          "--hooks",
          "before_update,after_update",
          "--max",
          "2h",
          "--containers",
          "",
          "--group",
          "g",
        ],
        ...["--needs", "2", "-o", "json"],
      );
      const expected = {
        ...{ hooks: ["before_update", "after_update"], hosts: ["*"], timeout_ms: 90_000, max_ms: 7_200_000 },
        ...{ on_timeout: "defer", group: "g", needs: 2 },
      };
      assert.deepEqual([code, err, JSON.parse(out)], [0, "", { name: "ci", ...expected }]);
      const { consumer, entry } = await stored("ci");
      assert.deepEqual(entry, expected);
      assert.deepEqual(consumer?.filter_subjects, [
        subjects.hooksOf(null, "before_update"),
        subjects.hooksOf(null, "after_update"),
      ]);
      assert.deepEqual(
        [consumer.max_ack_pending, consumer.ack_wait],
        [made?.max_ack_pending, made?.ack_wait],
      );
      await run("set", "ci", "--hooks", "after_update", "--hosts", "h1", "--group", "");
      assert.equal((await stored("ci")).consumer?.filter_subject, subjects.hooksOf("h1", "after_update"));
      assert.ok(!("needs" in ((await stored("ci")).entry as object)));
      assert.deepEqual(await run("set", "ci"), { code: 0, out: "ci changed\n", err: "" });
    });

    it("loses nothing that is undelivered, and narrows the consumer once that is fetched", async () => {
      await connected(async (manager) => {
        await hook(manager, "before_update", "01a");
        const { code, err } = await run("set", "ci", "--hooks", "after_update", "--hosts", "h1");
        assert.equal(code, 0);
        assert.match(err, /ci has not fetched everything yet.*\n$/);
        await hook(manager, "after_update", "01b");
        assert.deepEqual(await fetched(manager, 2), ["before_update", "after_update"]);
        assert.deepEqual(await run("set", "ci"), { code: 0, out: "ci changed\n", err: "" });
        assert.equal((await stored("ci")).consumer?.filter_subject, subjects.hooksOf("h1", "after_update"));
      });
    });

    it("makes a consumer that is missing", async () => {
      await connected(async (manager) => {
        await manager.consumers.delete(STREAMS.hooks, "gate_ci");
        assert.equal((await run("set", "ci")).code, 0);
        assert.equal((await stored("ci")).consumer?.filter_subject, subjects.hooksOf(null, "before_update"));
      });
    });

    it("changes nothing where its parts do not go together, or nobody bears the name", async () => {
      const before = (await stored("ci")).entry;
      for (const [args, code, says] of [
        [["ci", "--timeout", "3h"], 2, /--max 1h must not be less than --timeout 3h: give both/],
        [["ci", "--needs", "2"], 2, /--needs takes a --group/],
        [["ci", "--group", "g", "--advisory", "yes"], 2, /who has no say/],
        [["ci", "--advisory", "maybe"], 2, /--advisory "maybe": allowed are yes, no/],
        [["ic"], 1, /there is no participant ic; did you mean ci\?/],
      ] as const) {
        const ran = await run("set", ...args);
        assert.equal(ran.code, code);
        assert.match(ran.err, says);
      }
      assert.deepEqual((await stored("ci")).entry, before);
    });
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

  it("gives who hears what is over a consumer for that, changes it, and takes it away", async () => {
    const heard = async () => {
      const { notices, entry } = await stored("ci");
      const { filter_subject: only, filter_subjects: several } = notices ?? {};
      return [(entry as { hears?: string[] }).hears, several ?? only];
    };
    const [updates, runs] = (["update_finished", "run_finished"] as const).map((name) =>
      subjects.hooksOf(null, name),
    );
    await run("add", "ci", "--hooks", "before_update", "--hears", "update_finished,run_finished");
    assert.deepEqual(await heard(), [
      ["update_finished", "run_finished"],
      [updates, runs],
    ]);
    assert.equal((await stored("ci")).consumer?.filter_subject, subjects.hooksOf(null, "before_update"));
    await run("set", "ci", "--timeout", "90");
    await run("set", "ci", "--hears", "update_finished", "--hosts", "h1");
    assert.deepEqual(await heard(), [["update_finished"], subjects.hooksOf("h1", "update_finished")]);
    assert.match((await run("show", "ci")).out, /\n {2}hears: +update_finished\n/);
    assert.match(
      (await run("test", "ci", "--wait", "0")).out,
      /ok {5}it gets the notices it hears: update_finished: 0 und/,
    );
    await run("set", "ci", "--hears", "update_finished,run_finished", "--hosts", "*");
    assert.deepEqual((await heard())[1], [updates, runs]);
    await run("set", "ci", "--hears", "");
    assert.deepEqual(await heard(), [undefined, undefined]);
    const wrong = await run("set", "ci", "--hears", "after_update");
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /--hears "after_update": allowed are update_finished, run_finished/);
    await run("set", "ci", "--hears", "run_finished");
    await run("remove", "ci");
    assert.equal((await stored("ci")).notices, undefined);
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
    assert.deepEqual(await stored("ci"), { consumer: undefined, notices: undefined, entry: undefined });
    assert.equal((await run("add", "ci", "--hooks", "after_update")).code, 0);
  });

  it("remove of an unknown name is an error", async () => {
    const { code, err } = await run("remove", "nobody");
    assert.deepEqual(
      [code, err],
      [
        1,
        "ouroboros participant remove: there is no participant nobody: `ouroboros participant list` shows all of them\n",
      ],
    );
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
    assert.match((await run("--help")).out, /ouroboros participant add {2,}Adds a participant/);
  });

  describe("show and test", () => {
    /** What asks for events, as a participant does. */
    const pulling = async (): Promise<AsyncDisposable> => {
      const connection = await connect({ servers: nats.url });
      const messages = await (
        await jetstream(connection).consumers.get(STREAMS.hooks, "gate_ci")
      ).consume({ callback: () => undefined });
      return { [Symbol.asyncDispose]: async () => (await messages.close(), connection.close()) };
    };
    const tested = async (...flags: string[]) => {
      const { code, out } = await run("test", "ci", "-o", "json", ...flags);
      const { fine, checks } = ParticipantTestResult.parse(JSON.parse(out));
      assert.equal(code, fine ? 0 : 1);
      return checks
        .filter((one) => !one.fine)
        .map(({ check, found, advice = "" }) => `${check}: ${found}: ${advice}`);
    };
    const withManager = async <T>(work: (manager: JetStreamManager) => Promise<T>): Promise<T> => {
      const connection = await connect({ servers: nats.url });
      try {
        return await work(await jetstreamManager(connection));
      } finally {
        await connection.close();
      }
    };
    const decided = (participant: string, said: object) =>
      withManager(async (manager) => {
        const verdicts = [{ participant, verdict: "defer", ms: 600_000, ...said }];
        const about = {
          kind: "decided",
          event: "01k-before_update-web",
          hook: "before_update",
          container: "web",
        };
        const envelope = { writer: "test", n: 1, at: new Date().toISOString(), host: "h1", run: "01k" };
        const record = { ...envelope, ...about, verdict: "defer", by: participant, verdicts };
        await manager.jetstream().publish(subjects.run("h1", "01k"), JSON.stringify(record));
      });

    beforeEach(() => run("add", "ci", "--hooks", "before_update,after_update"));

    it("test is content with one that listens", async () => {
      await using _participant = await pulling();
      assert.deepEqual(await tested(), []);
      const { out } = await run("test", "ci");
      assert.equal(out.split("\n").filter((line) => line.startsWith("ok     ")).length, 7);
    });

    it("test says that nobody listens, and what to do", async () => {
      const [only = "", ...more] = await tested("--wait", "0");
      assert.match(
        only,
        /^it listens: no program fetches its events; no event was ever fetched: start the participant/,
      );
      assert.deepEqual(more, []);
      assert.match((await run("test", "ci", "--wait", "0")).out, /^WRONG {2}it listens: .*\n {7}-> start/m);
    });

    it("test says that the consumer is missing, or hears something else", async () => {
      await withManager((manager) =>
        manager.consumers.update(STREAMS.hooks, "gate_ci", {
          filter_subjects: ["ouroboros.hook.*.before_update.>"],
        }),
      );
      assert.match(
        (await tested("--wait", "0"))[0] ?? "",
        /^it gets the events it is asked about: its consumer gets .*before_update\.>, its entry says .*after_update/,
      );
      await withManager((manager) => manager.consumers.delete(STREAMS.hooks, "gate_ci"));
      assert.match(
        (await tested())[0] ?? "",
        /^its consumer is there: gate_ci of OUROBOROS_HOOKS is missing: .*`ouroboros participant set ci` brings its consumer/,
      );
    });

    it("test says that a host is not there", async () => {
      await run("remove", "ci");
      await run("add", "ci", "--hooks", "before_update", "--hosts", "h2");
      assert.match(
        (await tested("--wait", "0"))[0] ?? "",
        /^its hosts are there: no poller or updater is known on h2/,
      );
    });

    it("test says that it does not answer in time", async () => {
      await decided("ci", { timed_out: true, reason: "ci gave no verdict" });
      await using _participant = await pulling();
      assert.match(
        (await tested())[0] ?? "",
        /^it answers in time: 0 of the last 1 times, last asked (now|\d+ s ago): ci gave no verdict: publish the verdict/,
      );
    });

    it("show tells its entry, whether it listens and what it said last", async () => {
      await decided("other", { reason: "not ci" });
      await decided("ci", { reason: "busy" });
      await using _participant = await pulling();
      const { name, hooks, consumer, answers } = ParticipantDetails.parse(
        JSON.parse((await run("show", "ci", "-o", "json")).out),
      );
      assert.deepEqual(
        [name, hooks, consumer?.name, consumer?.undelivered],
        ["ci", ["before_update", "after_update"], "gate_ci", 0],
      );
      assert.deepEqual(
        answers.map(({ host, container, verdict, reason }) => [host, container, verdict, reason]),
        [["h1", "web", "defer", "busy"]],
      );
      const { out } = await run("show", "ci");
      assert.match(out, /^ci, added (now|\d+ s ago)\n {2}hooks: +before_update, after_update\n/);
      assert.match(out, /\n {2}waited for: +10m, at most 1h; then defer\n {2}listens: +yes, 0 undelivered/);
      assert.match(out, /\nWHEN .*\n(now|\d+ s ago) +h1 +before_update +web +defer +10 min +busy\n$/);
    });

    it("say that there is no such participant, and who may be meant", async () => {
      for (const verb of ["show", "test", "remove"]) {
        const { code, err } = await run(verb, "ic2");
        assert.deepEqual(
          [code, err],
          [
            1,
            `ouroboros participant ${verb}: there is no participant ic2: \`ouroboros participant list\` shows all of them\n`,
          ],
        );
      }
      assert.match((await run("show", "c")).err, /there is no participant c; did you mean ci\?/);
    });
  });

  const run = (...args: string[]) => runWith({ NATS_URL: nats.url }, args);

  async function stored(name: string) {
    const connection = await connect({ servers: nats.url });
    const manager = await jetstreamManager(connection);
    const info = await manager.consumers.info(STREAMS.hooks, `gate_${name}`).catch(() => undefined);
    const told = await manager.consumers.info(STREAMS.hooks, `notices_${name}`).catch(() => undefined);
    const entry = await (await new Kvm(connection).open(BUCKETS.participants)).get(name);
    await connection.close();
    return {
      consumer: info?.config,
      notices: told?.config,
      entry: entry?.operation === "PUT" ? (JSON.parse(entry.string()) as unknown) : undefined,
    };
  }
});

const runWith = (env: NodeJS.ProcessEnv, args: readonly string[]) =>
  runOperatorCommand(env, ["participant", ...args]);
