import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import type { CloudEvent, Verdict } from "../../../shared/contract/messages.ts";
import { subjects } from "../../../shared/contract/subjects.ts";
import { HOST, beforeUpdateEvent, gone, until } from "../../services/hook-executor/scene.ts";
import { type Stage, openStage } from "../../services/hook-executor/stage.ts";

const FOLDER = join(import.meta.dirname, "../../../../examples/participants");
const NAME = "change.calendar"; // a name that needs escaping
/** The permissions that the README lists, for the user and participant `ci`. */
const CONFINED = `authorization { users: [
  { user: all, password: all },
  { user: ci, password: secret, permissions: {
    ${(/ {4}(publish: [^]*?"_INBOX_ci.>"\])/.exec(readFileSync(join(FOLDER, "README.md"), "utf8")) ?? [])[1] ?? ""}
  } }
] }`;

interface Participant extends AsyncDisposable {
  readonly process: ChildProcess;
  /** JSON lines it has printed. */
  readonly told: () => Record<string, unknown>[];
  readonly errors: () => string;
  readonly ended: Promise<number | NodeJS.Signals>;
}

describe("examples/participants/participant.py", () => {
  let stage: Stage;
  const open = async (config?: string) => {
    stage = await openStage(config);
  };
  afterEach(() => stage[Symbol.asyncDispose]());
  const add = (ackWaitMs = 30_000) => stage.makeConsumer({ participant: NAME, ackWaitMs });
  const verdictOn = (event: CloudEvent) => stage.verdictOn(event, NAME);
  const start = (...args: readonly string[]): Participant => startAs({}, "--name", NAME, ...args);
  const startAs = (env: NodeJS.ProcessEnv, ...args: readonly string[]): Participant => {
    const child = spawn(
      "/usr/bin/python3",
      [join(FOLDER, "participant.py"), "--server", stage.server.url, "--json", ...args],
      { env: { PATH: "/usr/bin:/bin", ...env }, stdio: ["ignore", "pipe", "pipe"] },
    );
    let out = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
    return {
      process: child,
      told: () =>
        out
          .trim()
          .split("\n")
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      errors: () => errors,
      ended,
      [Symbol.asyncDispose]: async () => {
        child.kill("SIGKILL");
        await ended;
      },
    };
  };
  const command = async (text: string) => {
    const file = join(stage.folder.path, "decide.sh");
    await writeFile(file, `#!/bin/sh\n${text.replaceAll("OUT", join(stage.folder.path, "out"))}\n`);
    await chmod(file, 0o755);
    return file;
  };

  it("takes an event, answers it, settles it, and with --once ends there", async () => {
    await open();
    await add();
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await using participant = start("--once");
    assert.equal(await participant.ended, 0);
    assert.deepEqual(await verdictOn(event), { verdict: "proceed" });
    const [told = {}] = participant.told();
    assert.deepEqual(
      { ...told, ms: 0 },
      {
        event: event.id,
        hook: "before_update",
        host: HOST,
        container: "app",
        verdict: "proceed",
        again: false,
        ms: 0,
        sequence: 1,
      },
    );
    await stage.settled(NAME);
  });

  it("decides by rules on the event's fields", async () => {
    await open();
    await add();
    await using _participant = start(
      ...["--refuse-if", "data.new_image.tags=:1$", "--defer-if", "data.old_container.labels.tier=^front$"],
      ...["--refuse-if", "data.no.such.field=."],
    );
    const event = beforeUpdateEvent("run-1");
    await stage.publish(event);
    assert.deepEqual(await verdictOn(event), {
      verdict: "refuse",
      reason: "data.new_image.tags is registry.lab:5000/app:1",
    });
    const other = beforeUpdateEvent("run-2");
    other.data["new_image"] = { ...(other.data["new_image"] as object), tags: ["app:2"] };
    await stage.publish(other);
    assert.deepEqual(await verdictOn(other), {
      verdict: "defer",
      reason: "data.old_container.labels.tier is front",
    });
  });

  it("decides by a command's exit code, like a hook script", async () => {
    await open();
    await add();
    const file = await command(
      'cat > OUT/$OUROBOROS_RUN; echo "as $OUROBOROS_RUN says" >&2; exit "${OUROBOROS_RUN#run-}"',
    );
    await using _participant = start("--command", file, "--timeout", "3");
    const expected: readonly [string, Verdict][] = [
      ["run-0", { verdict: "proceed", reason: "as run-0 says" }],
      ["run-75", { verdict: "defer", reason: "as run-75 says" }],
      ["run-21", { verdict: "defer", reason: "as run-21 says" }],
      ["run-3", { verdict: "refuse", reason: "exit code 3: as run-3 says" }],
    ];
    for (const [run, verdict] of expected) {
      await stage.publish(beforeUpdateEvent(run));
      assert.deepEqual(await verdictOn(beforeUpdateEvent(run)), verdict);
      assert.deepEqual(JSON.parse((await stage.folder.left(run)) ?? ""), {
        ...beforeUpdateEvent(run),
        time: (JSON.parse((await stage.folder.left(run)) ?? "") as CloudEvent).time,
      });
    }
    await command("echo $$ > OUT/pid; sleep 321");
    await stage.publish(beforeUpdateEvent("slow"));
    assert.deepEqual(await verdictOn(beforeUpdateEvent("slow")), {
      verdict: "refuse",
      reason: "still running after 3 s",
    });
    await gone(await stage.folder.wrote("pid"));
  });

  it("while it takes long keeps the event and tells that it is still at it", async () => {
    await open();
    await add(1000);
    const progress: string[] = [];
    stage.nats.subscribe(subjects.progressOf(HOST), {
      callback: (_, { subject }) => void progress.push(subject),
    });
    const file = await command("echo ran >> OUT/runs; until [ -e OUT/go ]; do sleep 0.1; done");
    await using participant = start("--command", file, "--progress-every", "0.3");
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await until("six signs of progress", () => progress.length >= 6);
    await stage.folder.put("out/go", "");
    assert.equal((await verdictOn(event)).verdict, "proceed");
    await stage.settled(NAME);
    assert.equal((await stage.consumer(NAME)).delivered.consumer_seq, 1);
    assert.deepEqual([...new Set(progress)], [subjects.progress(HOST, NAME, event.id)]);
    assert.equal(await stage.folder.left("runs"), "ran\n");
    assert.equal(participant.told().length, 1);
  });

  it("killed in the middle loses nothing: the event comes again", async () => {
    await open();
    await add(1000);
    const file = await command("echo ran >> OUT/runs; [ -e OUT/go ] || exec sleep 5");
    {
      await using first = start("--command", file);
      await stage.publish(beforeUpdateEvent());
      await stage.folder.wrote("runs");
      first.process.kill("SIGKILL");
      await first.ended;
    }
    await stage.folder.put("out/go", "");
    await using _second = start("--command", file);
    assert.equal((await verdictOn(beforeUpdateEvent())).verdict, "proceed");
    await stage.settled(NAME);
    assert.equal(await stage.folder.left("runs"), "ran\nran\n");
  });

  it("at SIGTERM ends its command and itself, and gives the event back at once", async () => {
    await open();
    await add();
    const file = await command("echo $$ > OUT/pid; [ -e OUT/go ] || { sleep 322 & wait; }");
    await using participant = start("--command", file);
    await stage.publish(beforeUpdateEvent());
    const pid = await stage.folder.wrote("pid");
    participant.process.kill("SIGTERM");
    assert.equal(await participant.ended, 0);
    await gone(pid);
    await stage.folder.put("out/go", "");
    await using _next = start("--command", file);
    assert.equal((await verdictOn(beforeUpdateEvent())).verdict, "proceed");
    await using idle = start();
    await until("it is connected", () => /connected/.test(idle.errors()));
    idle.process.kill("SIGTERM");
    assert.equal(await idle.ended, 0);
  });

  it("answers an event that comes again from memory, and comes back when NATS does", async () => {
    await open();
    await add();
    const file = await command(
      "echo ran >> OUT/runs; until [ -e OUT/go ]; do sleep 0.1; done; echo no >&2; exit 1",
    );
    await using participant = start("--command", file);
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await stage.folder.wrote("runs");
    await stage.server.restart();
    await stage.folder.put("out/go", "");
    await until("it is back", () => participant.errors().match(/connected to/g)?.length === 2);
    await until("the test is back", () => stage.publish(event).catch(() => undefined));
    assert.deepEqual(await verdictOn(event), { verdict: "refuse", reason: "exit code 1: no" });
    const told = await until("it has told", () => participant.told()[0]);
    assert.equal(told["again"], true);
    assert.equal(await stage.folder.left("runs"), "ran\n");
  });

  it("says what is wrong: not added, no such NATS, wrong password, no event", async () => {
    await open(CONFINED);
    await using lost = startAs({}, "--name", "ci", "--server", "127.0.0.1:9");
    await using stranger = startAs({ NATS_USER: "ci", NATS_PASSWORD: "wrong" }, "--name", "ci");
    await using participant = startAs({ NATS_USER: "ci", NATS_PASSWORD: "secret" }, "--name", "ci");
    await until("refused", () => /no connection to NATS: .*refused/i.test(lost.errors()));
    await until("wrong", () => /Authorization Violation/.test(stranger.errors()));
    await until("not added", () =>
      /OUROBOROS_HOOKS\.gate_ci does not answer \(503\): was the participant added\?/.test(
        participant.errors(),
      ),
    );
    await stage.makeConsumer({ participant: "ci" });
    await jetstream(stage.nats).publish(
      subjects.hook({ host: HOST, hook: "before_update", container: "app", event: "x" }),
      "no JSON",
    );
    await until("given up", () => /app\.x is given up: /.test(participant.errors()));
  });

  it("needs no other permissions than those in the README", async () => {
    await open(CONFINED);
    await stage.makeConsumer({ participant: "ci" });
    const file = await command("sleep 0.5");
    await using participant = startAs(
      { NATS_USER: "ci", NATS_PASSWORD: "secret" },
      ...["--name", "ci", "--once", "--command", file, "--progress-every", "0.1"],
    );
    const event = beforeUpdateEvent();
    await stage.publish(event);
    assert.equal(await participant.ended, 0);
    assert.equal((await stage.verdictOn(event, "ci")).verdict, "proceed");
    await stage.settled("ci");
    assert.doesNotMatch(participant.errors(), /Violation/);
  });
});
