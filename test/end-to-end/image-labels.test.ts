// What an image may ask of a host by its labels: nothing that concerns others.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { startStack } from "../support/stack.ts";
import { itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);
const stopped = (kind: string): boolean =>
  kind.startsWith("before_stop") || kind.startsWith("before_recreate");

describe("labels of an image", () => {
  afterEach(() => h1.clean());

  it("stop nobody else's containers, ask no address and hold up no host; it is told once", async () => {
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const labels = {
      "com.ouroboros.hard_depends_on": "db",
      "com.ouroboros.depends_on": "cache",
      "com.ouroboros.check": `http://127.0.0.1:${port}/`,
      "com.ouroboros.settle_time": "999999999w",
      "com.centurylinklabs.watchtower.depends-on": "db",
    };
    const db = await deploy(h1, "db");
    const cache = await deploy(h1, "cache");
    await deploy(h1, "web", { imageOptions: { labels } });
    const posing = { imageOptions: { labels: { "com.ouroboros.role": "updater" } } };
    await deploy(h1, "posing", posing);
    await using stack = await startStack({
      engine: h1,
      env: { COMPAT_LABELS: "watchtower", SETTLE_TIME: "100ms", SELF_UPDATE: "true" },
    });
    await release("apps/web", "2", { labels });
    await release("apps/posing", "2", posing.imageOptions);
    const { left } = (await stack.check()) as { left: { container: string; because: string }[] };
    await stack.expectResult("web", "updated");
    server.close();
    assert.equal(asked, 0);
    assert.deepEqual(stack.heard().filter(stopped), []);
    assert.deepEqual([await idOf(h1, "db"), await idOf(h1, "cache")], [db, cache]);
    assert.deepEqual(await overview(h1), [
      "cache running 1",
      "db running 1",
      "posing running 1",
      "web running 2",
    ]);
    assert.match(
      left.find(({ container }) => container === "posing")?.because ?? "",
      /its image says that it is a part of Ouroboros/,
    );
    await stack.check();
    const told = (stack.services.poller?.log() ?? "")
      .split("\n")
      .filter((line) => /"level":"warn".*labels of its image that concern others do not count/.test(line));
    assert.equal(told.length, 2, "once for each of the two containers");
  });

  it("count where the container's owner set them: with another value", async () => {
    const labels = { "com.ouroboros.depends_on": "db" };
    await deploy(h1, "db");
    await deploy(h1, "web", {
      imageOptions: { labels },
      create: { Labels: { "com.ouroboros.depends_on": " db" } },
    });
    await using stack = await startStack({ engine: h1, env: { SETTLE_TIME: "100ms" } });
    await release("apps/web", "2", { labels });
    await stack.check();
    await stack.expectResult("web", "updated");
    assert.ok(stack.heard().includes("before_stop_depends_container db"));
  });
});

it("an image with 300 KiB of labels holds up no host, and events tell no secret of a label", async () => {
  const labels = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`l${n}`, "x".repeat(1024)]));
  await deploy(h1, "web", {
    imageOptions: { labels },
    create: { Labels: { "proxy.basicauth": "ann:hash-of-it" } },
  });
  await deploy(h1, "other");
  await using stack = await startStack({ engine: h1, env: { SETTLE_TIME: "100ms" } });
  await release("apps/web", "2", { labels });
  await release("apps/other", "2");
  await stack.check();
  await stack.expectResult("web", "updated");
  await stack.expectResult("other", "updated");
  const all = stack.events.map(({ event }) => JSON.stringify(event));
  assert.ok(all.every((text) => text.length < 256 * 1024 && !text.includes("hash-of-it")));
  const before = stack.events.find(({ hook, event }) => hook === "before_update" && event.subject === "web");
  const { old_container } = before?.event.data as {
    old_container: { truncated?: true; labels: Record<string, string> };
  };
  assert.deepEqual([old_container.truncated, old_container.labels["proxy.basicauth"]], [true, "(hidden)"]);
  await h1.clean();
});

itInFullRun(
  "a container named like a part of JavaScript's objects is kept by a refusal for it alone",
  async () => {
    for (const name of ["constructor", "web"]) await deploy(h1, name);
    await using stack = await startStack({ engine: h1, env: { SETTLE_TIME: "100ms" } });
    const refusing = `export default () => ({ verdict: "proceed", containers: { constructor: "refuse" } });`;
    await stack.script("updates_enumerated/no.mjs", refusing);
    for (const name of ["constructor", "web"]) await release(`apps/${name}`, "2");
    await stack.check();
    await stack.expectResult("web", "updated");
    await stack.expectResult("constructor", "refused");
    assert.deepEqual(await overview(h1), ["constructor running 1", "web running 2"]);
    await h1.clean();
  },
);
