// A container in the network of another that its owner replaced or stopped: it runs on, and cannot be started again.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { endsOf, planned } from "../support/runs.ts";
import { startStack } from "../support/stack.ts";

const WAITS = { cmd: `trap "exit 0" TERM; sleep 100000 & wait` };

describe("a container whose network is that of a container", () => {
  it("that is gone or stopped is not stopped for an update, and says so", async () => {
    await using h1 = engine(1);
    const ids: Record<string, string> = {};
    for (const name of ["gone", "stopped"]) {
      const parent = await deploy(h1, `${name}-vpn`, { imageOptions: WAITS });
      const HostConfig = { NetworkMode: `container:${parent}` };
      ids[name] = await deploy(h1, name, { imageOptions: WAITS, create: { HostConfig } });
    }
    await h1.docker.getContainer("gone-vpn").remove({ force: true });
    await h1.docker.getContainer("stopped-vpn").stop();
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    for (const name of ["gone", "stopped"]) await release(`apps/${name}`, "2", WAITS);
    const ends = await endsOf(stack, await planned(stack));
    assert.deepEqual(ends, { gone: "failed", stopped: "failed" });
    assert.match((await stack.ended("gone")).because, /refers to the container \w+, which is gone/);
    assert.match((await stack.ended("stopped")).because, /refers to the container \w+, which is exited/);
    assert.deepEqual(await overview(h1), ["gone running 1", "stopped running 1", "stopped-vpn exited 1"]);
    for (const name of ["gone", "stopped"]) assert.equal(await idOf(h1, name), ids[name]);
  });
});
