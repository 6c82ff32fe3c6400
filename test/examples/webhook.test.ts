import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import "../bed/bed.ts"; // It starts programs.
import { signedHeaders } from "../../services/webhook/signature.ts";
import {
  beforeUpdateEvent,
  container,
  service,
  until,
  updateFinished,
} from "../services/hook-executor/scene.ts";

const RECEIVER = join(import.meta.dirname, "../../../examples/webhook/receiver.py");
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

describe("examples/webhook/receiver.py", () => {
  for (const secret of [SECRET, "plain text"])
    it(`takes what is signed with ${secret}, and nothing else`, async () => {
      await using receiver = await start({ WEBHOOK_SECRET: secret });
      const body = JSON.stringify({ ...beforeUpdateEvent(), addedlater: true });
      const now = Math.floor(Date.now() / 1000);
      const signed = signedHeaders({ id: "e", timestamp: now, body }, secret);
      const old = signedHeaders({ id: "e", timestamp: now - 600, body }, secret);
      assert.equal((await receiver.post(body, signed)).status, 204);
      assert.equal((await receiver.post(body, {})).status, 401);
      assert.equal((await receiver.post(body.replace("run-1", "run-2"), signed)).status, 401);
      assert.equal((await receiver.post(body, { ...signed, "webhook-id": "f" })).status, 401);
      assert.equal((await receiver.post(body, old)).status, 401);
      assert.equal((await receiver.post(body, { ...old, "webhook-timestamp": String(now) })).status, 401);
    });

  it("refuses by a label, puts off at night, and takes what is over at any time", async () => {
    const event = beforeUpdateEvent();
    event.data["old_container"] = { ...container("app"), labels: { hold: "true" } };
    const post = async (body: string, env: Readonly<Record<string, string>>) => {
      await using receiver = await start({ WEBHOOK_SECRET: SECRET, ...env });
      const signed = signedHeaders({ id: "e", timestamp: Math.floor(Date.now() / 1000), body }, SECRET);
      const answer = await receiver.post(body, signed);
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    };
    const held = await post(JSON.stringify(event), {});
    assert.deepEqual([held.status, held.text], [409, "it has the label hold=true"]);
    const { old_container: _, ...others } = event.data;
    const inSwarm = {
      ...event,
      data: { ...others, service: { ...service("web"), labels: { hold: "true" } } },
    };
    assert.equal((await post(JSON.stringify(inSwarm), {})).status, 409, "a service of a swarm");
    const late = await post(JSON.stringify(beforeUpdateEvent()), { NIGHT: "0-24" });
    assert.equal(late.status, 503);
    assert.ok(Number(late.headers.get("retry-after")) >= 3600);
    const over = await post(JSON.stringify(updateFinished()), { NIGHT: "0-24" });
    assert.equal(over.status, 204, "what is over is no question");
  });
});

async function start(env: Readonly<Record<string, string>>) {
  const child = spawn("/usr/bin/python3", [RECEIVER, "0"], {
    env: { NIGHT: "0-0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const ended = once(child, "exit");
  const port = await until("it listens", () => /listening on (\d+)/.exec(out)?.[1]);
  return {
    post: (body: string, headers: Readonly<Record<string, string>>) =>
      fetch(`http://127.0.0.1:${port}/`, {
        method: "POST",
        body,
        headers,
        signal: AbortSignal.timeout(10_000),
      }),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
