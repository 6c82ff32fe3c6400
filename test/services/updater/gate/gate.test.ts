import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { afterEach, describe, it } from "mocha";
import { connect } from "nats";
import type { GateQuestion } from "../../../../services/updater/gate/gate-event.ts";
import { Journal } from "../../../../services/updater/journal/journal.ts";
import { AskedParticipant } from "../../../../shared/contract/participants.ts";
import { STREAMS, consumers, subjects } from "../../../../shared/contract/subjects.ts";
import { engine, startNats } from "../../../bed/bed.ts";
import { type GateScene, beforeUpdateOf, gateScene } from "../../../support/gate-scene.ts";
import { runOperatorCommand } from "../../../support/run-operator-command.ts";
import { relayTo } from "../../../support/relay.ts";
import { until } from "../../../support/until.ts";

const h1 = engine(1);
const EVENT = "r1-before_update-web";
const SUBJECT = `ouroboros.hook.${h1.name}.before_update.web.${EVENT}`;

describe("a hook that nobody has to answer", () => {
  afterEach(() => h1.clean());

  it("costs one message on the wire, its event, and nothing in the journal", async () => {
    await using server = await startNats();
    let sent = "";
    await using relay = await relayTo(server.port, (bytes) => (sent += bytes.toString("latin1")));
    await using scene = await gateScene(h1, `nats://127.0.0.1:${relay.port}`);
    const hook = await beforeUpdateOf(h1);
    const gate = await scene.newGate("r1");
    await scene.bus.nats.flush();
    sent = "";
    const { verdict } = await gate.ask(hook);
    await scene.bus.nats.flush();
    assert.equal(verdict, "proceed");
    assert.deepEqual(commandsIn(sent), [`HPUB ${SUBJECT}`]);
    await using nats = await connect({ servers: server.url });
    const { streams } = await jetstreamManager(nats);
    const stored = async (stream: string) => (await streams.info(stream)).state.messages;
    assert.deepEqual([await stored(STREAMS.hooks), await stored(STREAMS.runs)], [1, 0]);
  });

  it("costs nothing where the event is published already, as updates_enumerated is", async () => {
    await using server = await startNats();
    let sent = "";
    await using relay = await relayTo(server.port, (bytes) => (sent += bytes.toString("latin1")));
    await using scene = await gateScene(h1, `nats://127.0.0.1:${relay.port}`);
    const gate = await scene.newGate("r1");
    await scene.bus.nats.flush();
    sent = "";
    await gate.ask(publishedPlan());
    await scene.bus.nats.flush();
    assert.deepEqual(commandsIn(sent), []);
  });

  it("is not asked of a hook-executor that was turned on since its run was killed: it has passed over the plan", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url, "on");
    const journal = await Journal.open(scene.bus, "r1");
    await journal.write({ kind: "begun", plan: "p", mode: "update", containers: ["web"] });
    await journal.write({ kind: "did", container: "web", step: "stop the old container", ms: 1 });
    const gate = await scene.newGate("r1");
    const { verdict, verdicts } = await gate.ask({ ...publishedPlan(), atMost: 5000 });
    assert.deepEqual([verdict, verdicts], ["proceed", []]);
  });
});

describe("a plan", () => {
  afterEach(() => h1.clean());

  it("is asked of a participant that was changed since, as it was, and of none that joined since", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    await scene.register("updates_enumerated", ["judge"]);
    await using nats = await connect({ servers: server.url });
    const { seq } = await jetstream(nats).publish(subjects.run(h1.name, "other"), "{}");
    const then = (await scene.bus.manager.streams.getMessage(STREAMS.runs, { seq }))?.time.getTime() ?? 0;
    await runOperatorCommand({ NATS_URL: server.url }, ["participant", "set", "judge", "--timeout", "9m"]);
    await scene.register("updates_enumerated", ["late"]);
    const gate = await scene.newGate("r1");
    const asking = gate.ask({ ...publishedPlan(), published: { at: then, text: "{}" } });
    const verdict = subjects.verdict(h1.name, "judge", "r1-updates_enumerated");
    await jetstream(nats).publish(verdict, "refuse: not today");
    const { by, verdicts } = await asking;
    assert.deepEqual([by, verdicts.map(({ participant }) => participant)], ["judge", ["judge"]]);
  });
});

describe("a hook that participants have to answer", () => {
  afterEach(() => h1.clean());

  it("costs no look at the list of participants: they are followed", async () => {
    await using server = await startNats();
    let sent = "";
    await using relay = await relayTo(server.port, (bytes) => (sent += bytes.toString("latin1")));
    await using scene = await gateScene(h1, `nats://127.0.0.1:${relay.port}`);
    const hook = await beforeUpdateOf(h1);
    await scene.register(hook.hook, ["judge"]);
    const gate = await scene.newGate("r1");
    await scene.bus.nats.flush();
    sent = "";
    const asking = gate.ask(hook);
    await using nats = await connect({ servers: server.url });
    await jetstream(nats).publish(subjects.verdict(h1.name, "judge", EVENT), "proceed");
    assert.equal((await asking).verdict, "proceed");
    const run = `HPUB ${subjects.run(h1.name, "r1")}`;
    const reads = `PUB $JS.API.STREAM.MSG.GET.${STREAMS.verdicts}`;
    const commands = commandsIn(sent);
    assert.deepEqual([...new Set(commands)].sort(), [`HPUB ${SUBJECT}`, run, reads].sort());
    assert.deepEqual([commands[0], commands[1], commands.at(-1)], [run, `HPUB ${SUBJECT}`, run]);
  });

  it("is not waited for by who joined after it was published, by an earlier process", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    const hook = await beforeUpdateOf(h1);
    const journal = await Journal.open(scene.bus, "r1");
    await journal.write({ kind: "begun", plan: "p", mode: "update", containers: ["web"] });
    const first = await scene.newGate("r1");
    assert.equal((await first.ask(hook)).verdict, "proceed");
    await scene.register(hook.hook, ["judge"]);
    const second = await scene.newGate("r1");
    const { verdict, verdicts } = await second.ask({ ...hook, atMost: 5000 });
    assert.deepEqual([verdict, verdicts], ["proceed", []]);
  });
});

describe("a hook about an image of which somebody has said something for all hosts", () => {
  afterEach(() => h1.clean());

  /** before_update of a container whose image comes from a registry. */
  async function question(): Promise<{ hook: GateQuestion<"before_update">; image: string }> {
    const hook = await beforeUpdateOf(h1);
    const [image = ""] = hook.locals.new_image.digests;
    return { hook, image };
  }

  it("waits for nobody who has said it, and journals whose verdict it was", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    const { hook, image } = await question();
    await scene.register(hook.hook, ["judge", "other"]);
    const asking = (await scene.newGate("r1")).ask(hook);
    await jetstream(scene.bus.nats).publish(subjects.verdict(h1.name, "other", EVENT), "proceed");
    const said = await runOperatorCommand({ NATS_URL: server.url }, [
      ...["refuse", image, "--as", "judge", "--reason", "it loses orders"],
    ]);
    assert.equal(said.code, 0, said.err);
    const { verdict, by, reason } = await asking;
    assert.deepEqual([verdict, by, reason], ["refuse", "judge", "about this digest: it loses orders"]);
    const journal = await Journal.open(scene.bus, "r1");
    assert.equal(journal.findDecision(EVENT)?.by, "judge");
  });

  it("is put off until one that answers by digest has said it, or the operator, and refused by the operator alone", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    const { hook, image } = await question();
    const run = (...words: string[]) => runOperatorCommand({ NATS_URL: server.url }, words);
    await scene.register(hook.hook, ["release"]);
    await run("participant", "set", "release", "--by-digest", "yes");
    const decide = async (id: string): Promise<string> => {
      const { verdict, by } = await (await scene.newGate(id)).ask(hook);
      return `${verdict} by ${by ?? "all"}`;
    };
    await until("it is known", async () => (await decide(`a${Date.now()}`)) === "defer by release");
    await run("approve", image);
    await until("the approval is known", async () => (await decide(`b${Date.now()}`)) === "proceed by all");
    await scene.unregister(hook.hook, ["release"]);
    await run("refuse", image, "--reason", "no");
    await until(
      "the refusal is known",
      async () => (await decide(`c${Date.now()}`)) === "refuse by operator",
    );
  });
});

describe("a hook that is waited for while somebody fills the streams", () => {
  afterEach(() => h1.clean());

  it("is asked again where its event was pushed out before a participant took it", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    const hook = await beforeUpdateOf(h1);
    await scene.register(hook.hook, ["judge"]);
    const gate = await scene.newGate("r1");
    const asking = gate.ask(hook);
    await until("its event is stored", async () => (await storedOn(scene, STREAMS.hooks, SUBJECT)) === 1);
    await flood(scene, STREAMS.hooks, (n) => `ouroboros.hook.other.after_update.web.${n}`);
    assert.equal(await storedOn(scene, STREAMS.hooks, SUBJECT), 0);
    scene.bus.reconnects.count += 1; // at once, without the ten seconds (gate-wait.test.ts)
    await using _judge = await answering(server.url, "judge");
    assert.equal((await asking).verdict, "proceed");
  });

  it("is asked again where the plan that asks it was pushed out", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    await scene.register("updates_enumerated", ["judge"]);
    const { name: host } = scene.bus.host;
    const id = "r1-updates_enumerated";
    const subject = subjects.hook({ host, hook: "updates_enumerated", container: null, event: id });
    const text = JSON.stringify({ id });
    await scene.bus.js.publish(subject, text);
    await flood(scene, STREAMS.hooks, (n) => `ouroboros.hook.other.after_update.web.${n}`);
    assert.equal(await storedOn(scene, STREAMS.hooks, subject), 0);
    const asking = (await scene.newGate("r1")).ask({
      ...{ hook: "updates_enumerated", container: null, reason: "" },
      published: { at: Date.now() + 60_000, text },
      locals: { updateable: [], depends_on_containers: [], hard_depends_on_containers: [] },
    });
    await using _judge = await answering(server.url, "judge");
    assert.equal((await asking).verdict, "proceed");
  });

  it("is asked again where its answer was pushed out while NATS was out of reach", async () => {
    await using server = await startNats();
    await using relay = await relayTo(server.port);
    await using scene = await gateScene(h1, `nats://127.0.0.1:${relay.port}`);
    const hook = await beforeUpdateOf(h1);
    await using direct = await connect({ servers: server.url });
    const js = jetstream(direct);
    await scene.register(hook.hook, ["judge"]);
    const asking = (await scene.newGate("r1")).ask(hook);
    const taken = await (await js.consumers.get(STREAMS.hooks, "gate_judge")).next();
    assert.equal(await taken?.ackAck(), true);
    relay.cut();
    const verdict = subjects.verdict(h1.name, "judge", EVENT);
    await js.publish(verdict, "proceed");
    const manager = await jetstreamManager(direct);
    await manager.streams.update(STREAMS.verdicts, { max_bytes: LITTLE });
    for (let n = 0; n < 12; n++)
      await js.publish(`ouroboros.verdict.${h1.name}.other.${n}`, "x".repeat(50_000));
    await using _judge = await answering(server.url, "judge");
    relay.join();
    assert.equal((await asking).verdict, "proceed");
  });

  it("is asked again where its answer was pushed out before an updater read it", async () => {
    await using server = await startNats();
    await using scene = await gateScene(h1, server.url);
    const hook = await beforeUpdateOf(h1);
    await scene.register(hook.hook, ["judge"]);
    const journal = await Journal.open(scene.bus, "r1");
    const judge = {
      name: "judge",
      timeout_ms: 60_000,
      max_ms: 60_000,
      on_timeout: "refuse",
      advisory: false,
    };
    await journal.write({ kind: "begun", plan: "p", mode: "update", containers: ["web"] });
    const waiting = { kind: "waiting", event: EVENT, hook: hook.hook, container: "web" } as const;
    await journal.write({ ...waiting, participants: [AskedParticipant.parse(judge)] });
    await scene.bus.js.publish(SUBJECT, JSON.stringify({ id: EVENT }));
    const taken = await (await scene.bus.js.consumers.get(STREAMS.hooks, "gate_judge")).next();
    assert.equal(await taken?.ackAck(), true);
    const verdict = subjects.verdict(h1.name, "judge", EVENT);
    await scene.bus.js.publish(verdict, "proceed");
    await flood(scene, STREAMS.verdicts, (n) => `ouroboros.verdict.${h1.name}.other.${n}`);
    assert.equal(await storedOn(scene, STREAMS.verdicts, verdict), 0);
    await using _judge = await answering(server.url, "judge");
    const gate = await scene.newGate("r1");
    assert.equal((await gate.ask(hook)).verdict, "proceed");
  });
});

/** The question of a plan that its poller has published. */
const publishedPlan = (): GateQuestion<"updates_enumerated"> => ({
  ...{ hook: "updates_enumerated", container: null, reason: "" },
  published: { at: Date.now(), text: "{}" },
  locals: { updateable: [], depends_on_containers: [], hard_depends_on_containers: [] },
});

const LITTLE = 256 * 1024;

/** With a size that is soon reached: all that was there is gone. */
async function flood({ bus }: GateScene, stream: string, subjectOf: (n: number) => string): Promise<void> {
  await bus.manager.streams.update(stream, { max_bytes: LITTLE });
  for (let n = 0; n < 12; n++) await bus.js.publish(subjectOf(n), "x".repeat(50_000));
}

async function storedOn({ bus }: GateScene, stream: string, subject: string): Promise<number> {
  const { state } = await bus.manager.streams.info(stream, { subjects_filter: subject });
  return state.subjects?.[subject] ?? 0;
}

/** Proceeds at what it is asked. */
async function answering(servers: string, name: string): Promise<AsyncDisposable> {
  const nats = await connect({ servers });
  const messages = await (await jetstream(nats).consumers.get(STREAMS.hooks, consumers.gate(name))).consume();
  void (async () => {
    for await (const message of messages) {
      await jetstream(nats).publish(
        subjects.verdict(h1.name, name, message.json<{ id: string }>().id),
        "proceed",
      );
      message.ack();
    }
  })();
  return { [Symbol.asyncDispose]: () => nats.close() };
}

/** What the client asked of the server, but for signs of life; headers and bodies begin no line so. */
const commandsIn = (sent: string): string[] =>
  [...sent.matchAll(/^(H?PUB|SUB|UNSUB) (\S+)/gm)].map(([, verb = "", subject = ""]) => `${verb} ${subject}`);
