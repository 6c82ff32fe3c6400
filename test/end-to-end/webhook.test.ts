import assert from "node:assert/strict";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { nanos } from "nats";
import type { CloudEvent } from "../../shared/contract/messages.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { type Answering, startEndpoint } from "../support/endpoint.ts";
import { runOuroboros } from "../support/participants.ts";
import { awaitResults, readHold, requestPlan } from "../support/runs.ts";
import { startProcess, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const PROGRAM = join(import.meta.dirname, "../../services/webhook/main.js");

describe("an HTTP endpoint", () => {
  afterEach(() => h1.clean());

  it("decides what is updated: yes, no, later, an error; and is asked again after the bridge was killed", async () => {
    const names = ["yes", "no", "later", "broken", "killed"];
    const answers: Readonly<Record<string, ReturnType<Answering>>> = {
      yes: [200],
      no: [409, "release freeze"],
      later: [503, "at lunch", { "retry-after": "600" }],
      broken: [200, '{"approved":false}'],
      killed: undefined,
    };
    for (const name of names) await deploy(h1, name);
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const flags = ["--hooks", "before_update", "--timeout", "16s", "--on-timeout", "refuse"];
    assert.equal((await runOuroboros(stack, "participant", "add", "webhook", ...flags)).code, 0);
    const manager = await jetstreamManager(stack.nats);
    // Longer than the bridge's heartbeat, shorter than a test may wait for what a killed one had in hand.
    await manager.consumers.update(STREAMS.hooks, consumers.gate("webhook"), { ack_wait: nanos(9000) });
    await using endpoint = await startEndpoint(
      ({ body }) => answers[(JSON.parse(body) as CloudEvent).subject],
    );
    const env = {
      PATH: process.env["PATH"] ?? "",
      ...{ NATS_URL: stack.server.url, WEBHOOK_URL: endpoint.url, WEBHOOK_RETRY: "1s" },
    };
    const first = startProcess(PROGRAM, env);
    for (const name of names) await release(`apps/${name}`, "2");
    const run = await requestPlan(stack);
    await until("all were asked", () =>
      names.every((name) => endpoint.requests.some((it) => about(it.body) === name)),
    );
    await until("three are answered", () => first.log().match(/the endpoint has answered/g)?.length === 3);
    await until("one is given up", () => first.log().includes("given up"));
    const inHand = async () =>
      (await manager.consumers.info(STREAMS.hooks, consumers.gate("webhook"))).num_ack_pending;
    await until("only one is in hand, as NATS has it", async () => (await inHand()) === 1);
    first.kill("SIGKILL");
    await first.exited;
    endpoint.answer = () => [204];
    await using _second = startProcess(PROGRAM, env);
    assert.deepEqual(await awaitResults(stack, run, 60_000), {
      yes: "updated",
      no: "refused",
      later: "deferred",
      broken: "refused",
      killed: "updated",
    });
    assert.deepEqual(await overview(h1), [
      "broken running 1",
      "killed running 2",
      "later running 1",
      "no running 1",
      "yes running 2",
    ]);
    assert.match((await readHold(stack, "no"))?.because ?? "", /release freeze/);
    assert.match((await readHold(stack, "later"))?.because ?? "", /at lunch/);
    assert.match((await readHold(stack, "broken"))?.because ?? "", /gave no verdict and no sign of progress/);
    const asked = endpoint.requests.filter(({ body }) => about(body) === "killed");
    assert.equal(new Set(asked.map(({ headers }) => headers["webhook-id"])).size, 1);
    assert.equal(asked.length, 2);
  });
});

const about = (body: string): string => (JSON.parse(body) as CloudEvent).subject;
