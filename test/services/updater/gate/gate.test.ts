import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { afterEach, describe, it } from "mocha";
import { connect } from "nats";
import { Journal } from "../../../../services/updater/journal/journal.ts";
import { STREAMS, subjects } from "../../../../shared/subjects.ts";
import { engine, startNats } from "../../../bed/bed.ts";
import { beforeUpdateOf, gateScene } from "../../../support/gate-scene.ts";
import { relayTo } from "../../../support/relay.ts";

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
    await gate.ask({
      ...{ hook: "updates_enumerated", container: null, reason: "", publishedAt: Date.now() },
      locals: { updateable: [], depends_on_containers: [], hard_depends_on_containers: [] },
    });
    await scene.bus.nats.flush();
    assert.deepEqual(commandsIn(sent), []);
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

/** What the client asked of the server, but for signs of life; headers and bodies begin no line so. */
const commandsIn = (sent: string): string[] =>
  [...sent.matchAll(/^(H?PUB|SUB|UNSUB) (\S+)/gm)].map(([, verb = "", subject = ""]) => `${verb} ${subject}`);
