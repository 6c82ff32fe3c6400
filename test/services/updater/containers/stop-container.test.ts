import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { systemClock as clock } from "../../../../shared/clock.ts";
import { openEngine } from "../../../../shared/docker/engine.ts";
import { startStopped } from "../../../../services/updater/containers/start-stopped.ts";
import { engine } from "../../../bed/bed.ts";
import { deploy, overview } from "../../../support/containers.ts";
import { until } from "../../../support/until.ts";

const h1 = engine(1);
const slow = { cmd: ["sh", "-c", "trap 'sleep 8; exit 0' TERM; while :; do sleep 0.1; done"] };

describe("starting what was stopped", () => {
  afterEach(() => h1.clean());

  it("lets a stop end first that nobody waits for any more: it runs afterwards", async () => {
    const id = await deploy(h1, "web", { imageOptions: slow });
    const opened = await openEngine(`unix://${h1.socket}`, 10_000);
    const asking = new AbortController();
    const asked = opened.dockerWithoutTimeout.getContainer(id).stop({ abortSignal: asking.signal });
    await until("it was sent the signal", async () => (await kills(id)) === 1);
    asking.abort();
    await assert.rejects(asked);
    const [before] = await overview(h1);
    assert.equal(before, "web running 1");
    await startStopped({ engine: opened, clock }, id);
    const { State } = await h1.docker.getContainer(id).inspect();
    assert.ok(State.Running);
    assert.notEqual(Date.parse(State.FinishedAt), Date.parse("0001-01-01T00:00:00Z"), "it had ended before");
  });

  it("does not wait where nothing is being stopped", async () => {
    const id = await deploy(h1, "web", { imageOptions: slow });
    const opened = await openEngine(`unix://${h1.socket}`, 10_000);
    const { State: before } = await h1.docker.getContainer(id).inspect();
    const from = performance.now();
    await startStopped({ engine: opened, clock }, id);
    assert.ok(performance.now() - from < 20_000);
    const { State } = await h1.docker.getContainer(id).inspect();
    assert.equal(State.StartedAt, before.StartedAt);
  });
});

/** How many signals the Engine has sent it. */
async function kills(id: string): Promise<number> {
  const now = Date.now() / 1000;
  const stream = await h1.docker.getEvents({
    since: 1,
    until: now,
    filters: { container: [id], event: ["kill"] },
  });
  let text = "";
  for await (const chunk of stream as unknown as AsyncIterable<Buffer>) text += chunk.toString();
  return text.split("\n").filter((line) => line !== "").length;
}
