// The single container of Ouroboros 1 with NOTIFIERS: it starts, updates and tells.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { startEndpoint } from "../support/endpoint.ts";
import { createInstance } from "../support/ouroboros-instance.ts";
import { itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);

describe("the program of a single container, with NOTIFIERS", () => {
  afterEach(() => h1.clean());

  it("tells of its start and its updates, also with RUN_ONCE, before it ends", async () => {
    await deploy(h1, "web");
    await release("apps/web", "2");
    await using endpoint = await startEndpoint(() => [200]);
    await using one = await createInstance({
      PATH: `/usr/bin:${process.env["PATH"] ?? ""}`,
      HOSTNAME: "home",
    });
    const program = one.start({ NOTIFIERS: `json://127.0.0.1:${new URL(endpoint.url).port}` });
    assert.equal(await program.exited, 0, program.log());
    assert.deepEqual(await overview(h1), ["web running 2"]);
    const titles = endpoint.requests.map(({ body }) => (JSON.parse(body) as { title: string }).title);
    assert.deepEqual(titles, ["Ouroboros has started", "Ouroboros has updated containers!"], program.log());
  });

  itInFullRun("updates all the same where a target is away, and ends", async () => {
    await deploy(h1, "web");
    await release("apps/web", "2");
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as AddressInfo;
    free.close();
    await using one = await createInstance({ PATH: `/usr/bin:${process.env["PATH"] ?? ""}` });
    const program = one.start({ NOTIFIERS: `json://127.0.0.1:${port}/planted-token` });
    assert.equal(await program.exited, 0, program.log());
    assert.deepEqual(await overview(h1), ["web running 2"]);
    assert.match(program.log(), /the target does not take notifications/);
    assert.doesNotMatch(program.log(), /planted-token/);
  });
});
