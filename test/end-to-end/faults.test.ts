import assert from "node:assert/strict";
import { basename } from "node:path";
import { afterEach, describe, it } from "mocha";
import { bed, engine } from "../bed/bed.ts";
import { idOf } from "../support/containers.ts";
import { faultScene } from "../support/faults.ts";
import { held } from "../support/runs.ts";

const h1 = engine(1);
const STOPPED = "stop the old container";
const PUBLISHED = {
  ExposedPorts: { "80/tcp": {} },
  HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } },
};

describe("the Engine", () => {
  afterEach(() => h1.clean());

  it("killed and started again while the container is down is waited for; the old one runs again", async () => {
    const run = 'bash "$BED_SH" kill 1; (sleep 1.5; bash "$BED_SH" start 1) > /dev/null 2>&1 &';
    await using scene = await faultScene({ fault: { after: STOPPED, run } });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "rolled_back", ended.because);
    assert.match(ended.because, /^"move the old container's name aside" failed: /);
    assert.equal(await idOf(h1, "web"), scene.old);
    await scene.isWell("1");
    assert.notEqual(
      (await held(scene.stack, "web"))?.until,
      null,
      "it is tried again: the image is not to blame",
    );
  });

  it("that hangs during a stop is waited for", async () => {
    const pause =
      "kill -STOP $(cat /run/engine.pid); (sleep 3; kill -CONT $(cat /run/engine.pid)) > /dev/null 2>&1 &";
    await using scene = await faultScene({
      fault: { after: "create the successor", run: `bash "$BED_SH" on 1 sh -c '${pause}'` },
    });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "updated", ended.because);
    await scene.isWell("2");
  });
});

describe("a port that a third process takes while the container is down", () => {
  afterEach(() => h1.clean());

  it("is waited for: the old container is tried until it is free, and runs again", async () => {
    await using scene = await faultScene({
      create: PUBLISHED,
      fault: { after: STOPPED, run: holdPort(8080, 4) },
    });
    const ended = await scene.outcome(await scene.plan());
    assert.equal(ended.end, "rolled_back", ended.because);
    assert.match(ended.because, /^"start the successor" failed: .*8080/);
    assert.equal(await idOf(h1, "web"), scene.old);
    await scene.isWell("1");
    assert.notEqual((await held(scene.stack, "web"))?.until, null);
  });
});

/** A shell command: for so many seconds another process of the host listens on the port. */
function holdPort(port: number, seconds: number): string {
  const listen = `require("net").createServer().listen(${port}, "0.0.0.0", () => console.log("up"))`;
  const inHost = `nsenter --net=/run/netns/${basename(bed().folder)}-h1`;
  return `up=$(mktemp); timeout ${seconds} ${inHost} node -e '${listen}' > "$up" 2>&1 & until [ -s "$up" ]; do sleep 0.05; done; rm "$up"`;
}
