// Whatever anyone sends, on whatever subject they can reach: nothing crashes, nothing grows, and the gate works on. One
// container waits for its participant while all of it comes in, then is updated as any.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { connect as dial } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Consumer, JetStreamApiError, jetstream } from "@nats-io/jetstream";
import { after, before, describe, it } from "mocha";
import { CloudEvent, parseJson } from "../../shared/contract/messages.ts";
import { STREAMS, consumers, subjects } from "../../shared/contract/subjects.ts";
import { engine, startNats } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { runOuroboros } from "../support/participants.ts";
import { awaitResults, requestPlan } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun, isFullRun } from "../support/full-run.ts";

const h1 = engine(1);
const MB = 2 ** 20;
const deep = (depth: number): string => `{"verdict":${"[".repeat(depth)}${"]".repeat(depth)}}`;
const text = (said: string): Uint8Array => new TextEncoder().encode(said);

/** The streams take up to 64 and 256 KiB, buckets and plain subjects what the server takes: here 16 MB. */
const inputs: Readonly<Record<string, Uint8Array>> = {
  "10 MB of text": new Uint8Array(10 * MB).fill(0x78),
  "bytes that are no UTF-8": new Uint8Array([0xff, 0xfe, 0x80, 0xc0, 0xaf]),
  "a verdict with bytes that are no UTF-8": new Uint8Array([
    ...text('{"verdict":"proceed\xff'),
    0xff,
    0x22,
    0x7d,
  ]),
  "JSON that is 20,000 deep": text(deep(20_000)),
  "10 MB of deep JSON": text(deep(5_000_000)),
  "wrong types": text('{"verdict":["proceed"],"reason":7,"retry_after_s":"soon","containers":[null]}'),
  "a number": text("7"),
  null: text("null"),
  "half a document": text('{"verdict":"pro'),
  nothing: new Uint8Array(),
};

const FLOOD_S = isFullRun ? 12 : 3;

describe("input that nobody should send", () => {
  let stack: Stack;
  let judge: Consumer;
  let run: string;
  let verdictSubject: string;
  let isFree = false;

  before(async () => {
    await deploy(h1, "web");
    stack = await startStack({
      engine: h1,
      services: SEPARATE_PROCESSES, // it is the updater's memory that is measured
      forges: true,
      nats: { config: "max_payload: 16MB\n" },
    });
    await stack.check();
    const added = await runOuroboros(stack, "participant", "add", "judge", "--hooks", "before_update");
    assert.equal(added.code, 0, added.err);
    judge = await jetstream(stack.nats).consumers.get(STREAMS.hooks, consumers.gate("judge"));
    void answerWeb();
    await release("apps/web", "2");
    run = await requestPlan(stack);
    await until("the judge is asked", () => verdictSubject);
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  /** The participant: takes events until it has answered for the one that is none of the inputs. */
  async function answerWeb(): Promise<void> {
    for await (const message of await judge.consume()) {
      message.ack();
      const event = CloudEvent.safeParse(parseJson(message.string())).data;
      if (event?.subject !== "web") continue;
      verdictSubject = event.verdictsubject.replace("{participant}", "judge");
      await until("it may answer", () => isFree, { within: 240_000 });
      await jetstream(stack.nats).publish(verdictSubject, "proceed");
      return;
    }
  }

  /** Everywhere that something of Ouroboros listens or reads. */
  const places = (n: number, isLarge = false): readonly string[] => [
    verdictSubject,
    verdictSubject.replace("ouroboros.verdict", "ouroboros.progress"),
    subjects.hook({ host: stack.host, hook: "before_update", container: "junk", event: `junk${n}` }),
    subjects.hook({ host: stack.host, hook: "updates_enumerated", container: null, event: `junk${n}` }),
    subjects.run(stack.host, `junk${n}`),
    `$KV.OUROBOROS_PARTICIPANTS.junk${n}`,
    ...(isLarge ? [] : [`$KV.OUROBOROS_HELD.${stack.host}.junk${n}`, `$KV.OUROBOROS_HOSTS.junk${n}`]),
    subjects.command(stack.host, "poller", "check"),
    subjects.command(stack.host, "updater", "status"),
  ];

  for (const [n, [says, bytes]] of Object.entries(inputs).entries())
    it(`${says}: is taken by nobody, and nobody ends`, async () => {
      for (const subject of places(n, bytes.length > MB)) {
        stack.nats.publish(subject, bytes);
        await stack.nats.flush();
      }
      await isAlive();
    });

  it("is refused by the streams where it is larger than a message may be", async () => {
    for (const subject of places(99)
      .slice(0, 3)
      .filter((one) => !one.includes("progress")))
      await assert.rejects(
        jetstream(stack.nats).publish(
          subject,
          text(`{"verdict":"proceed","reason":"${"x".repeat(10 * MB)}"}`),
        ),
        (error) => error instanceof JetStreamApiError && error.code === 10054,
      );
  });

  it("is refused by a server that takes 1 MB, which closes that one connection", async () => {
    await using server = await startNats();
    const socket = dial(server.port, "127.0.0.1");
    let said = "";
    socket.on("data", (chunk) => (said += chunk.toString()));
    socket.on("error", () => undefined); // it is closed while we still write
    socket.write("CONNECT {}\r\n");
    socket.write(`PUB ${verdictSubject} ${10 * MB}\r\n`); // what follows it is not read any more
    await new Promise((resolve) => socket.once("close", resolve));
    assert.match(said, /-ERR 'Maximum Payload Violation'/);
  });

  it(`a thousand a second for ${FLOOD_S} seconds: is read past, and the updater does not grow`, async () => {
    const junk = Object.values(inputs).filter(({ length }) => length < 64 * 1024);
    const early = await flood(junk, (FLOOD_S / 3) * 1000);
    const late = await flood(junk, (FLOOD_S / 3) * 2000);
    console.log(`      updater: ${early} MiB after a third of it, ${late} MiB in the end`);
    // 8,000 messages; what 20,000 deep leaves to be collected may be some 60 MiB at any time
    assert.ok(late - early < 100, `it grew from ${early} to ${late} MiB`);
    await isAlive();
  });

  it("holds nothing up: the participant is heard, and the container is updated", async () => {
    isFree = true;
    assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
    assert.deepEqual(await overview(h1), ["web running 2"]);
  });

  itInFullRun("does not keep an operator's command from its answer", async () => {
    for (const words of [["status"], ["pending"], ["history"], ["participant", "list"], ["events"]]) {
      const { code, err } = await runOperatorCommand(stack.access, [...words, "-o", "json"]);
      assert.equal(code, 0, `${words.join(" ")}: ${err}`);
    }
  });

  async function isAlive(): Promise<void> {
    for (const [name, service] of Object.entries(stack.services)) {
      const state = await Promise.race([service.exited, sleep(20, "alive")]);
      assert.equal(state, "alive", `${name} ended: ${service.log().slice(-2000)}`);
      assert.equal(service.stderrText(), "", name);
    }
  }

  /** MiB that the updater holds in the end. */
  async function flood(junk: readonly Uint8Array[], ms: number): Promise<number> {
    const began = performance.now();
    for (let sent = 0; performance.now() - began < ms; sent++) {
      stack.nats.publish(verdictSubject, junk[sent % junk.length]);
      if (sent > performance.now() - began) await sleep(5);
    }
    await stack.nats.flush();
    const { updater } = stack.services;
    const [, kB = "0"] =
      /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${updater?.pid ?? 0}/status`, "utf8")) ?? [];
    return Math.round(Number(kB) / 1024);
  }
});
