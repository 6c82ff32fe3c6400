import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { type ImageOptions, bed, bedCommand, engine, hubControl, pushApp, pushImage } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { idOf, overview, pull, release } from "../support/containers.ts";
import { startEngineProxy } from "../support/engine-proxy.ts";
import { type Mirror, startMirror } from "../support/mirror.ts";
import { skippedContainers, update } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const PORT = 5011;
const TOLD = "a mirror of the Engine has other images than the registry";
const short = (digest: string): string => digest.slice(0, 19);

/** The same version is the same image wherever it is pushed. */
const version = (n: number): ImageOptions => ({
  created: `2026-01-0${n}T00:00:00Z`,
  body: `mirrored ${n}`,
  env: [`VERSION=${n}`],
});
const toHub = (n: number) => pushApp("docker.io/library/mirrored", "1", version(n));
const toMirror = ({ registry }: Mirror, n: number) =>
  pushImage(registry, "library/mirrored", "1", version(n));

const told = (stack: Stack): string[] =>
  (stack.services.poller?.log() ?? "")
    .split("\n")
    .filter((line) => line.includes(TOLD) && line.includes('"level":"warn"'));
const askedOfHub = async (): Promise<number> =>
  (await hubControl.log()).filter(({ path }) => path.includes("/mirrored/manifests/")).length;

describe("a container whose Engine has a mirror", () => {
  let mirror: Mirror;
  before(async () => {
    mirror = await startMirror(PORT);
  });
  after(() => mirror[Symbol.asyncDispose]());

  describe("that lags behind its registry", () => {
    const host = engine(30);
    let stack: Stack;
    let id: string;
    before(async () => {
      await bedCommand("boot", "30", "28.5", `--registry-mirror=http://${bed().net}.1:${PORT}`);
      await toHub(1);
      await toMirror(mirror, 1);
      await pull(host, "mirrored:1");
      await (await host.docker.createContainer({ name: "web", Image: "mirrored:1" })).start();
      id = await idOf(host, "web");
      await toHub(2);
      stack = await startStack({ engine: host, services: SEPARATE_PROCESSES });
    });
    after(async () => {
      await stack[Symbol.asyncDispose]();
      await host.clean();
      await bedCommand("cut", "30");
    });

    it("is held, and both digests are named once", async () => {
      await hubControl.clearLog();
      const { digest: newer } = await toHub(2);
      const { digest: older } = await toMirror(mirror, 1);
      const first = await skippedContainers(stack);
      assert.equal(
        first["web"],
        `held: the Engine's mirror ${bed().net}.1:${PORT} serves ${short(older)} as mirrored:1, and docker.io has ` +
          `${short(newer)}; wait, or mend the mirror; it is updated when the mirror has that too`,
      );
      assert.deepEqual([await skippedContainers(stack), await skippedContainers(stack)], [first, first]);
      assert.equal(told(stack).length, 1);
      assert.ok((await askedOfHub()) <= 1, "the registry behind the mirror is not asked in every cycle");
      assert.deepEqual(stack.heard(), []);
      assert.equal(await idOf(host, "web"), id);
    });

    it("is so too after the poller has started anew, which asks the registry no more", async () => {
      await hubControl.clearLog();
      stack.services.poller?.kill("SIGTERM");
      await stack.services.poller?.exited;
      stack.start("poller");
      assert.match((await skippedContainers(stack))["web"] ?? "", /^held: the Engine's mirror/);
      assert.equal(await askedOfHub(), 0);
    });

    it("as `check`, `explain` and `status` tell", async () => {
      const { digest } = await toHub(3);
      const checked = await runOperatorCommand(stack.access, ["check", "web", "--fresh"]);
      assert.match(
        checked.out,
        new RegExp(`^newer +web .*\\n.*→ ${short(digest)}, .*held: the\\s+Engine's mirror`, "s"),
      );
      await skippedContainers(stack);
      await until("it is told again, as it has changed", () => told(stack).length === 2);
      assert.match(
        (await runOperatorCommand(stack.access, ["explain", "web"])).out,
        /held: the Engine's mirror/,
      );
      assert.match((await runOperatorCommand(stack.access, ["status"])).out, /:5011 lags behind for 1 image/);
    });

    it("follows the mirror when that moves on, but not when it moves back", async () => {
      await toMirror(mirror, 2);
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.deepEqual(await overview(host), ["web running 2"]);
      await toMirror(mirror, 1);
      assert.match((await skippedContainers(stack))["web"] ?? "", /^held: .*what runs is neither/);
    });

    it("is updated in the next cycle when the mirror has what the registry has", async () => {
      await toMirror(mirror, 3);
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.deepEqual(await overview(host), ["web running 3"]);
      assert.equal((await skippedContainers(stack))["web"], "current");
    });

    it("does not go back to what an older mirror has", async () => {
      await toMirror(mirror, 1);
      assert.equal((await skippedContainers(stack))["web"], "current");
      assert.deepEqual(await overview(host), ["web running 3"]);
    });
  });

  describe("that only the Engine reaches", () => {
    const host = engine(31);
    before(async () => {
      const flags = ["--feature=containerd-snapshotter=true", "--registry-mirror=http://127.0.0.1:5012"];
      await bedCommand("boot", "31", "28.5", ...flags);
      const { reference } = await release("apps/relay", "1");
      await pull(host, reference);
      const words = `nc -ll -p 5012 -e /bin/busybox nc ${bed().net}.1 ${PORT}`.split(" ");
      const relay = { name: "relay", Image: reference, Entrypoint: ["/bin/busybox"], Cmd: words };
      await (await host.docker.createContainer({ ...relay, HostConfig: { NetworkMode: "host" } })).start();
      await toMirror(mirror, 1);
      await toHub(1);
      await pull(host, "mirrored:1");
      await (await host.docker.createContainer({ name: "web", Image: "mirrored:1" })).start();
      await toHub(2);
    });
    after(async () => {
      await host.clean();
      await bedCommand("cut", "31");
    });

    itInFullRun("is held after one run where nobody can know before the pull what it brings", async () => {
      await using proxy = await startEngineProxy(host.socket, ({ url = "" }) =>
        url.includes("/distribution/") ? [403, "not allowed here"] : undefined,
      );
      await using stack = await startStack({
        engine: host,
        env: { DOCKER_SOCKETS: proxy.url, MONITOR: "web" },
      });
      const { end, because } = await stack.awaitResult("web");
      assert.equal(end, "expired");
      assert.match(because, /a mirror of the Engine \(http:\/\/127\.0\.0\.1:5012\/\) has an old one/);
      assert.match(
        (await skippedContainers(stack))["web"] ?? "",
        /^held: mirrored:1 is sha256:.* at its registry/,
      );
      assert.match((await skippedContainers(stack))["web"] ?? "", /^held: /);
      assert.ok(!stack.heard().includes("before_update web"), "nobody is asked for nothing");
      assert.deepEqual(await overview(host), ["relay running 1", "web running 1"]);
    });

    it("is held without a run where the Engine tells, until it tells the registry's digest", async () => {
      await using stack = await startStack({ engine: host, env: { MONITOR: "web" } });
      const held =
        /^held: the Engine's mirror 127\.0\.0\.1:5012 serves .* it is updated when the mirror has that/;
      assert.match((await skippedContainers(stack))["web"] ?? "", held);
      assert.match((await skippedContainers(stack))["web"] ?? "", held);
      assert.equal(told(stack).length, 1);
      assert.deepEqual(stack.heard(), []);
      await toMirror(mirror, 2);
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.deepEqual(await overview(host), ["relay running 1", "web running 2"]);
      await until("it is noticed", async () => (await skippedContainers(stack))["web"] === "current");
    });
  });
});
