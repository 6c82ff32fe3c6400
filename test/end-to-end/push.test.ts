// The push endpoint and containers that appear, with an INTERVAL that would never find them: a real registry notifies.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { Notice } from "../../shared/contract/messages.ts";
import { dataSchema } from "../../shared/contract/hooks.ts";
import { bedCommand, engine } from "../bed/bed.ts";
import { Registry, pushImage } from "../bed/image.ts";
import { overview, pull, release } from "../support/containers.ts";
import { itInFullRun } from "../support/full-run.ts";
import { freePort } from "../support/monitoring.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const SECRET = "k4-of-this-test_0123456789abcdef";
const IMAGE = "registry.lab:5000/apps/told";

describe("a registry that notifies", () => {
  let stack: Stack;
  let registry: AsyncDisposable & { readonly url: string };

  before(async () => {
    await runOutdated("told", "1");
    const port = await freePort();
    const env = { INTERVAL: "1d", CHECK_NEW: "on", PUSH_SECRET: SECRET, PUSH_PORT: String(port) };
    stack = await startStack({ engine: h1, env });
    await stack.check();
    registry = await startNotifyingRegistry(`http://127.0.0.1:${port}/push`);
  });
  after(async () => {
    await registry[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("has nothing to do with a container that appears: that is checked at once", async () => {
    await runOutdated("late", "1", "2");
    await stack.expectResult("late", "updated");
    assert.deepEqual(await overview(h1), ["late running 2", "told running 1"]);
  });

  it("has the hosts look, which update what was pushed", async () => {
    const begun = performance.now();
    const pushed = await pushImage(new Registry(registry.url), "apps/told", "latest", {
      ...{ body: "apps/told 2", env: ["VERSION=2"] },
    });
    await stack.expectResult("told", "updated");
    assert.ok(performance.now() - begun < 60_000);
    assert.deepEqual(await overview(h1), ["late running 2", "told running 2"]);
    const [move, ...more] = stack.moves.map((notice) =>
      dataSchema("tag_moved").strict().parse(Notice.parse(notice).data),
    );
    assert.deepEqual(more, []);
    assert.deepEqual(
      [move?.["image"], move?.["to_digest"], move?.["containers"]],
      [`${IMAGE}:latest`, pushed.digest, [{ name: "told" }]],
    );
    assert.ok(!stack.services.poller?.log().includes(SECRET));
  });

  itInFullRun("nor with one that appears after a restart of the Engine", async () => {
    await bedCommand("kill", "1");
    await bedCommand("start", "1");
    await runOutdated("later", "1", "2");
    await stack.expectResult("later", "updated");
  });

  itInFullRun("has the hosts look also after a restart of the Engine, and while that lasts", async () => {
    const push = (name: string) =>
      pushImage(new Registry(registry.url), `apps/${name}`, "latest", {
        ...{ body: `apps/${name} 2`, env: ["VERSION=2"] },
      });
    for (const name of ["after", "meanwhile"]) await runRestarting(name);
    await stack.check();
    await bedCommand("kill", "1");
    await bedCommand("start", "1");
    await push("after");
    await stack.expectResult("after", "updated");
    await bedCommand("kill", "1");
    await push("meanwhile");
    await bedCommand("start", "1");
    await stack.expectResult("meanwhile", "updated");
  });
});

/** Runs a container of the first version, when the tag names the last one already. */
async function runOutdated(name: string, ...versions: readonly string[]): Promise<void> {
  const [first = "", ...later] = versions;
  const { reference } = await release(`apps/${name}`, first);
  await pull(h1, reference);
  for (const version of later) await release(`apps/${name}`, version);
  const container = await h1.docker.createContainer({ name, Image: reference });
  await container.start();
}

/** Runs a container of the newest version, which the Engine starts again. */
async function runRestarting(name: string): Promise<void> {
  const { reference: Image } = await release(`apps/${name}`, "1");
  await pull(h1, Image);
  const HostConfig = { RestartPolicy: { Name: "always" } };
  await (await h1.docker.createContainer({ name, Image, HostConfig })).start();
}

/** Another process on the store of the bed's registry, with notifications. */
async function startNotifyingRegistry(endpoint: string): Promise<AsyncDisposable & { readonly url: string }> {
  const [port, bed] = [await freePort(), process.env["BED"] ?? ""];
  const config = join(tmpdir(), `notifying-registry-${port}.yml`);
  const headers = { Authorization: [`Bearer ${SECRET}`] };
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: "error", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: join(bed, "registry") } },
      http: { addr: `127.0.0.1:${port}` },
      notifications: {
        endpoints: [
          { name: "ouroboros", url: endpoint, headers, timeout: "5s", threshold: 3, backoff: "1s" },
        ],
      },
    }),
  );
  const cache = process.env["BED_CACHE"] ?? "/var/cache/ouroboros-bed";
  const command = [join(cache, "20/usr/bin/docker-registry"), "serve", config];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...command], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const isUp = (): Promise<boolean> =>
    fetch(`${url}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until("the registry answers", isUp, { explain: () => log });
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await exited;
      await rm(config);
    },
  };
}
