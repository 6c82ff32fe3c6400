import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "mocha";
import { pino } from "pino";
import { makePushApp } from "../../../services/push/serve.ts";
import { systemClock } from "../../../shared/clock.ts";
import { nameOf } from "../../../shared/contract/pushed-image.ts";
import { examples } from "./notifications.ts";

const SECRET = "k3-of-this-test_0123456789abcdef";
const BODY = JSON.stringify(examples[0]?.body);
const hmac = (text: string, key = SECRET): string => createHmac("sha256", key).update(text).digest("hex");
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

interface Sent {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | ReadableStream<Uint8Array>;
  readonly from?: string;
  readonly method?: string;
}

function endpoint({ room = Number.POSITIVE_INFINITY } = {}) {
  const collected: string[] = [];
  const lines: string[] = [];
  const time = { now: 0 };
  const app = makePushApp({
    secret: SECRET,
    clock: { ...systemClock, monotonic: () => time.now },
    log: pino({ level: "debug" }, { write: (line: string) => void lines.push(line) }),
    collect: (image) => collected.length < room && collected.push(nameOf(image)) > 0,
  });
  const send = async ({
    path = "/push",
    headers = {},
    body = BODY,
    from = "192.0.2.7",
    method = "POST",
  }: Sent) => {
    const request = new Request(`http://ouroboros.test${path}`, {
      ...{ method, headers },
      ...(method === "POST" && { body, duplex: "half" }),
    });
    const env: object = { incoming: { socket: { remoteAddress: from } } };
    const answer = await app.fetch(request, env);
    return { status: answer.status, wait: answer.headers.get("retry-after"), text: await answer.text() };
  };
  return { send, collected, lines, time };
}

describe("the push endpoint", () => {
  for (const [sentence, sent] of [
    ["the secret in the path", { path: `/push/${SECRET}` }],
    ["GitLab's token", { headers: { "X-Gitlab-Token": SECRET } }],
    ["the secret as Harbor's Auth Header", { headers: { Authorization: SECRET } }],
    ["a bearer token, as the plain registry sends it", { headers: { Authorization: `Bearer ${SECRET}` } }],
    ["a password", { headers: { Authorization: basic(`anybody:${SECRET}`) } }],
    ["GitHub's signature", { headers: { "X-Hub-Signature-256": `sha256=${hmac(BODY)}` } }],
    ["Gitea's signature", { headers: { "X-Gitea-Signature": hmac(BODY) } }],
    ["Forgejo's signature", { headers: { "X-Forgejo-Signature": hmac(BODY).toUpperCase() } }],
    [
      "one right proof beside a wrong one",
      { path: `/push/${SECRET}`, headers: { Authorization: "Bearer x" } },
    ],
  ] as const satisfies readonly (readonly [string, Sent])[])
    it(`takes a notification with ${sentence}`, async () => {
      const { send, collected } = endpoint();
      const { status, text } = await send(sent);
      assert.equal(status, 202, text);
      assert.deepEqual(JSON.parse(text), {
        sender: "distribution",
        images: ["apps/web:2", "apps/api:latest"],
      });
      assert.deepEqual(collected, ["apps/web:2", "apps/api:latest"]);
    });

  for (const [sentence, sent] of [
    ["nothing", {}],
    ["a wrong secret in the path", { path: `/push/${SECRET}x` }],
    ["the begin of the secret", { path: `/push/${SECRET.slice(0, -1)}` }],
    ["a wrong token", { headers: { "X-Gitlab-Token": "wrong" } }],
    ["an empty password", { headers: { Authorization: basic("anybody:") } }],
    ["no words after Basic", { headers: { Authorization: "Basic" } }],
    ["the signature of another body", { headers: { "X-Hub-Signature-256": `sha256=${hmac(`${BODY} `)}` } }],
    ["a signature by another key", { headers: { "X-Gitea-Signature": hmac(BODY, "another") } }],
    ["the secret as its signature", { headers: { "X-Hub-Signature-256": `sha256=${SECRET}` } }],
    ["an empty signature", { headers: { "X-Hub-Signature-256": "sha256=" } }],
  ] as const satisfies readonly (readonly [string, Sent])[])
    it(`takes none with ${sentence}`, async () => {
      const { send, collected, lines } = endpoint();
      const { status, text } = await send(sent);
      assert.equal(status, 401);
      assert.match(text, /secret or the signature is wrong or missing/);
      assert.deepEqual(collected, []);
      assert.equal(lines.length, 1);
    });

  for (const [sentence, sent, status, says] of [
    ["a body that is not JSON", { body: "{" }, 400, /not JSON/],
    ["an empty body", { body: "" }, 400, /not JSON/],
    ["a body that is no notification", { body: '{"hello":1}' }, 422, /no registry is known/],
    ["another path", { path: "/", headers: { Authorization: SECRET } }, 404, /only POST \/push/],
    ["a path below the secret's", { path: `/push/${SECRET}/more` }, 404, /only POST \/push/],
    ["another method", { method: "GET" }, 404, /only POST \/push/],
    ["too large a body", { body: " ".repeat(512 * 1024 + 1) }, 413, /at most 524288 bytes/],
  ] as const satisfies readonly (readonly [string, Sent, number, RegExp])[])
    it(`answers ${sentence} with ${status} and a sentence`, async () => {
      const { send, collected } = endpoint();
      const answer = await send({ path: `/push/${SECRET}`, ...sent });
      assert.equal(answer.status, status);
      assert.match((JSON.parse(answer.text) as { because: string }).because, says);
      assert.deepEqual(collected, []);
    });

  it("reads no more of a body than its limit, also where nobody said how long it is", async () => {
    const { send, collected } = endpoint();
    let sentBytes = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sentBytes += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    const { status } = await send({ path: `/push/${SECRET}`, body });
    assert.equal(status, 413);
    assert.ok(sentBytes < 1_000_000, String(sentBytes));
    assert.deepEqual(collected, []);
  });

  it("counts a body that is cut off as a wrong try, and logs no error for it", async () => {
    const { send, lines } = endpoint();
    const cutOff = () =>
      send({
        headers: { "X-Gitea-Signature": hmac(BODY) },
        body: new ReadableStream<Uint8Array>({
          pull: (controller) => controller.error(new Error("cut off")),
        }),
      });
    const statuses: number[] = [];
    for (let n = 0; n < 6; n++) statuses.push((await cutOff()).status);
    assert.deepEqual(statuses, [413, 413, 413, 413, 413, 429]);
    assert.deepEqual(lines, []);
  });

  it("does not read the body of who shows nothing", async () => {
    const { send } = endpoint();
    let isRead = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        isRead = true;
        controller.close();
      },
    }, { highWaterMark: 0 }); // prettier-ignore
    assert.equal((await send({ body, headers: { "X-Gitlab-Token": "wrong" } })).status, 401);
    assert.equal(isRead, false);
  });

  it("looks at five wrong tries of an address in five minutes, and lets in who knows the secret meanwhile", async () => {
    const { send, lines, time } = endpoint();
    const wrong = (n: number): Promise<{ status: number; wait: string | null }> =>
      send({ headers: { "X-Gitea-Signature": hmac(BODY, String(n)) } });
    for (let n = 0; n < 5; n++) assert.equal((await wrong(n)).status, 401);
    const sixth = await wrong(6);
    assert.deepEqual([sixth.status, sixth.wait], [429, "300"]);
    assert.equal((await send({ headers: { "X-Gitea-Signature": hmac(BODY) } })).status, 429);
    assert.equal((await send({ path: `/push/${SECRET}` })).status, 202);
    assert.equal(
      (await send({ from: "192.0.2.8", headers: { "X-Gitea-Signature": hmac(BODY) } })).status,
      202,
    );
    assert.equal(lines.filter((line) => line.includes("wrong secret")).length, 5);
    time.now += 300_001;
    assert.equal((await send({ headers: { "X-Gitea-Signature": hmac(BODY) } })).status, 202);
  });

  it("takes so many notifications in ten seconds, and no more", async () => {
    const { send, time } = endpoint();
    const statuses = new Map<number, number>();
    for (let n = 0; n < 120; n++) {
      const { status } = await send({ path: `/push/${SECRET}` });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    assert.deepEqual([...statuses], [[202, 100], [429, 20]]); // prettier-ignore
    time.now += 10_000;
    assert.equal((await send({ path: `/push/${SECRET}` })).status, 202);
  });

  it("says when it has no room, so that the sender comes again", async () => {
    const { send, collected } = endpoint({ room: 1 });
    const { status, wait } = await send({ path: `/push/${SECRET}` });
    assert.deepEqual([status, wait], [429, "10"]);
    assert.deepEqual(collected, ["apps/web:2"]);
  });

  it("writes the secret nowhere", async () => {
    const { send, lines } = endpoint();
    const texts: string[] = [];
    for (const sent of [
      { path: `/push/${SECRET}` },
      { path: `/push/${SECRET}/x` },
      { path: `/push/${SECRET}x` },
      { path: `/push/${SECRET}`, body: "{" },
      { headers: { Authorization: `Bearer ${SECRET}` }, body: `{"a":"${SECRET}"}` },
    ])
      texts.push((await send(sent)).text);
    assert.doesNotMatch([...texts, ...lines].join("\n"), new RegExp(SECRET));
  });
});
