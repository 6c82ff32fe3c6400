import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CloudEvent } from "../../../shared/contract/messages.ts";
import { subjects } from "../../../shared/contract/subjects.ts";
import { type Answering, type Endpoint, startEndpoint } from "../../support/endpoint.ts";
import { type Process, startProcess } from "../../support/stack.ts";
import { HOST, beforeUpdateEvent, until, updateFinished } from "../hook-executor/scene.ts";
import { type Stage, openStage } from "../hook-executor/stage.ts";
import { itInFullRun } from "../../support/full-run.ts";

const PROGRAM = join(import.meta.dirname, "../../../cli/main.js");
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NAME = "change-board";

describe("ouroboros webhook", () => {
  let stage: Stage;
  let endpoint: Endpoint;
  let bridge: Process;

  const start = (env: Readonly<Record<string, string>> = {}): Process => {
    const own = process.env["NODE_V8_COVERAGE"];
    bridge = startProcess(
      PROGRAM,
      {
        PATH: "/usr/bin:/bin",
        ...(own !== undefined && { NODE_V8_COVERAGE: own }),
        NATS_URL: stage.server.url,
        WEBHOOK_URL: `${endpoint.url}/ask?key=hidden`,
        WEBHOOK_NAME: NAME,
        WEBHOOK_TIMEOUT: "10s",
        WEBHOOK_RETRY: "20s",
        ...env,
      },
      ["webhook"],
    );
    return bridge;
  };
  const open = async (answer: Answering, { tls = false, ackWaitMs = 30_000 } = {}): Promise<void> => {
    stage = await openStage();
    await stage.makeConsumer({ participant: NAME, ackWaitMs });
    endpoint = await startEndpoint(answer, tls ? join(stage.folder.path, "ca.pem") : undefined);
  };
  const ask = async (event: CloudEvent = beforeUpdateEvent()) => {
    await stage.publish(event);
    return stage.verdictOn(event, NAME);
  };
  afterEach(async () => {
    await bridge[Symbol.asyncDispose]();
    await endpoint[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
  });

  it("POSTs the event as it is, over TLS, signed with the secret of a file", async () => {
    await open(() => [204], { tls: true });
    const file = join(stage.folder.path, "secret");
    await writeFile(file, `${SECRET}\n`);
    start({
      WEBHOOK_SECRET_FILE: file,
      WEBHOOK_TOKEN: "a-token",
      NODE_EXTRA_CA_CERTS: join(stage.folder.path, "ca.pem"),
    });
    const event = { ...beforeUpdateEvent(), addedlater: { more: ["ünknown"] } } as CloudEvent;
    assert.deepEqual(await ask(event), { verdict: "proceed" });
    await stage.settled(NAME);
    const [{ method, path, headers, body }] = endpoint.requests as [Endpoint["requests"][number]];
    assert.equal(`${method} ${path}`, "POST /ask?key=hidden");
    assert.equal(body, JSON.stringify(event));
    assert.equal(headers["content-type"], "application/cloudevents+json; charset=UTF-8");
    assert.equal(headers.authorization, "Bearer a-token");
    assert.equal(headers["webhook-id"], event.id);
    const stamp = String(headers["webhook-timestamp"]);
    assert.ok(Math.abs(Number(stamp) - Date.now() / 1000) < 60);
    const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
    const signature = createHmac("sha256", key).update(`${event.id}.${stamp}.${body}`).digest("base64");
    assert.equal(headers["webhook-signature"], `v1,${signature}`);
    for (const secret of [SECRET, "a-token", "key=hidden"])
      assert.ok(!bridge.log().includes(secret), `the log holds ${secret}`);
  });

  it("leaves an event alone about which others were asked, as one from before it was added", async () => {
    await open(() => [204]);
    start();
    const of = (run: string, asked: readonly string[]): CloudEvent => {
      const event = beforeUpdateEvent(run);
      return { ...event, data: { ...(event.data as object), asked } };
    };
    await stage.publish(of("others", ["backup"]));
    assert.deepEqual(await ask(of("ours", ["backup", NAME])), { verdict: "proceed" });
    await stage.settled(NAME);
    assert.equal(endpoint.requests.length, 1);
    assert.match(bridge.log(), /the endpoint is not asked/);
  });

  it("does not trust a certificate that nobody vouches for", async () => {
    await open(() => [204], { tls: true });
    start();
    await stage.publish(beforeUpdateEvent());
    await until("it says so", () => /self-signed certificate/.test(bridge.log()));
    assert.equal(endpoint.requests.length, 0);
  });

  it("gives on refusals and deferrals with their reason", async () => {
    await open(({ body }) =>
      (JSON.parse(body) as CloudEvent).id.startsWith("run-1")
        ? [409, "release freeze"]
        : [503, "busy", { "retry-after": "90" }],
    );
    start();
    assert.deepEqual(await ask(beforeUpdateEvent("run-1")), { verdict: "refuse", reason: "release freeze" });
    assert.deepEqual(await ask(beforeUpdateEvent("run-2")), {
      verdict: "defer",
      reason: "busy",
      retry_after_s: 90,
    });
  });

  it("asks again with the same id where there is no answer, and tells that it is at it", async () => {
    const first: Answering[] = [
      (_, response) => void response.destroy(),
      () => [302, "", { location: "/elsewhere" }],
      () => [200, '{"approved":false}'],
      () => undefined, // never
    ];
    await open((...it) => (first.length > 0 ? first.shift()?.(...it) : [200, ""]));
    const progress: string[] = [];
    stage.nats.subscribe(subjects.progressOf(HOST), {
      callback: (_, { subject }) => void progress.push(subject),
    });
    start({ WEBHOOK_TIMEOUT: "3s" });
    const event = beforeUpdateEvent();
    assert.deepEqual(await ask(event), { verdict: "proceed" });
    assert.deepEqual(
      endpoint.requests.map(({ path, headers }) => [path, headers["webhook-id"]]),
      Array.from({ length: 5 }, () => ["/ask?key=hidden", event.id]),
    );
    assert.ok(progress.length > 0);
    assert.deepEqual([...new Set(progress)], [subjects.progress(HOST, NAME, event.id)]);
    assert.equal((await stage.consumer(NAME)).delivered.consumer_seq, 1);
    for (const because of [
      /other side closed|socket hang up/,
      /nothing within 3 s/,
      /it answered 302/,
      /it answered 200 with a body that is no verdict/,
    ])
      assert.match(bridge.log(), because);
  });

  it("warns of a token that others on the way can read", async () => {
    await open(() => [204]);
    start({ WEBHOOK_URL: "http://change.example:8080/ask", WEBHOOK_TOKEN: "a-token" });
    await until("it says so", () =>
      /WEBHOOK_URL is http:\/\/: WEBHOOK_TOKEN and the answers/.test(bridge.log()),
    );
    bridge.kill("SIGTERM");
    await bridge.exited;
    start({ WEBHOOK_TOKEN: "a-token" });
    assert.deepEqual(await ask(), { verdict: "proceed" });
    assert.doesNotMatch(bridge.log(), /is http:/, "loopback is nobody's way");
  });

  itInFullRun(
    "is silent after WEBHOOK_RETRY, so that the participant is out of time, and takes the next event",
    async () => {
      await open(({ body }) => ((JSON.parse(body) as CloudEvent).id.startsWith("run-1") ? [404] : [204]));
      start({ WEBHOOK_RETRY: "3s" });
      await stage.publish(beforeUpdateEvent("run-1"));
      assert.deepEqual(await ask(beforeUpdateEvent("run-2")), { verdict: "proceed" });
      await stage.settled(NAME);
      assert.equal(await stage.stored(), 1);
      assert.match(bridge.log(), /given up: the endpoint gave no verdict/);
    },
  );

  it("is asked about other events while the endpoint thinks about one", async () => {
    let thinking: (() => void) | undefined;
    await open(({ body }, response) => {
      if (!(JSON.parse(body) as CloudEvent).id.startsWith("run-1")) return [204];
      thinking = () => response.writeHead(204).end();
      return undefined;
    });
    start({ WEBHOOK_TIMEOUT: "20s" });
    await stage.publish(beforeUpdateEvent("run-1"));
    await until("it thinks", () => thinking);
    assert.deepEqual(await ask(beforeUpdateEvent("run-2")), { verdict: "proceed" });
    thinking?.();
    await stage.verdictOn(beforeUpdateEvent("run-1"), NAME);
  });

  it("tells what is over until that has arrived, takes no verdict from it, and goes on asking meanwhile", async () => {
    const first: Answering[] = [() => [409, "no"], () => undefined];
    await open(({ body }) => {
      if (!body.includes("update_finished")) return [204];
      const answer = first.shift();
      return answer === undefined ? [200, '{"verdict":"refuse"}'] : answer({} as never, {} as never);
    });
    await stage.makeNoticesConsumer(NAME);
    start({ WEBHOOK_TIMEOUT: "3s" });
    const notice = updateFinished();
    await stage.publishNotice(notice);
    await until("it is told again, and hangs", () => endpoint.requests.length === 2);
    assert.deepEqual(await ask(), { verdict: "proceed" });
    await until("it has arrived", () => /the endpoint took the notice/.test(bridge.log()));
    assert.equal(await stage.stored(), 1);
    const told = endpoint.requests.filter(({ body }) => body === JSON.stringify(notice));
    assert.deepEqual(told.map(({ headers }) => headers["webhook-id"]), Array(3).fill(notice.id)); // prettier-ignore
    assert.match(bridge.log(), /it answered 409.*no answer from the endpoint/);
  });

  itInFullRun("killed in the middle asks again after its restart", async () => {
    await open(() => undefined, { ackWaitMs: 8000 });
    start({ WEBHOOK_TIMEOUT: "20s" });
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await until("it was asked", () => endpoint.requests.length === 1);
    bridge.kill("SIGKILL");
    await bridge.exited;
    endpoint.answer = () => [409, "on second thoughts"];
    start();
    assert.deepEqual(await stage.verdictOn(event, NAME), { verdict: "refuse", reason: "on second thoughts" });
    await stage.settled(NAME);
    assert.deepEqual(
      endpoint.requests.map(({ headers }) => headers["webhook-id"]),
      [event.id, event.id],
    );
  });

  it("at SIGTERM ends at once and gives the event back", async () => {
    await open(() => undefined);
    start({ WEBHOOK_TIMEOUT: "20s" });
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await until("it was asked", () => endpoint.requests.length === 1);
    bridge.kill("SIGTERM");
    assert.equal(await bridge.exited, 0);
    endpoint.answer = () => [204];
    start();
    assert.deepEqual(await stage.verdictOn(event, NAME), { verdict: "proceed" });
  });

  it("says what is missing: the endpoint, NATS, the participant", async () => {
    await open(() => [204]);
    const wrong: readonly [string, string, RegExp][] = [
      ["WEBHOOK_URL", "", /WEBHOOK_URL is not set/],
      ["WEBHOOK_URL", "ftp://user:secret@host", /WEBHOOK_URL: \(secret\): allowed is http/],
      ["WEBHOOK_SECRET", "whsec_", /WEBHOOK_SECRET: \(secret\): after whsec_ the key in base64 is missing/],
      ["WEBHOOK_SECRET", "whsec_?!", /WEBHOOK_SECRET: \(secret\): after whsec_/],
      ["NATS_URL", "", /NATS_URL is not set/],
      ["WEBHOOK_NAME", "a b", /WEBHOOK_NAME: "a b": allowed are letters/],
    ];
    await Promise.all(
      wrong.map(async ([name, value, says]) => {
        const it = start({ [name]: value });
        assert.equal(await it.exited, 1);
        assert.match(it.log(), says);
      }),
    );
    start({ WEBHOOK_NAME: "nobody" });
    await until("it says so", () => /ouroboros participant add nobody --hooks/.test(bridge.log()));
    await stage.makeConsumer({ participant: "nobody" });
    const event = beforeUpdateEvent();
    await stage.publish(event);
    assert.deepEqual(await stage.verdictOn(event, "nobody"), { verdict: "proceed" });
  });
});
