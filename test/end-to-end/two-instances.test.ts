// Two instances on one Engine, each with a NATS and a DATA_DIR of its own: one acts at a time, the other says who and stands by.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, it } from "mocha";
import { bedCommand, engine, engineSocket } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { type Instance, instance } from "../support/one-cycle.ts";
import { until } from "../support/until.ts";

const STANDS_BY = "another Ouroboros acts on this Engine; standing by";
/** What the issue of who acts may take after a death. */
const TAKEN_OVER_WITHIN_MS = 30_000;

for (const number of [1, 2]) {
  const h = engine(number);

  /** `sa` and `sb` run, and version 2 of both is due. */
  const due = async (): Promise<void> => {
    for (const name of ["sa", "sb"])
      await deploy(h, name, { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
    for (const name of ["sa", "sb"]) await release(`apps/${name}`, "2");
  };
  const instanceFor = (name: string, env: Readonly<Record<string, string>> = {}): Promise<Instance> =>
    instance({ MONITOR: name, DOCKER_SOCKETS: `unix://${engineSocket(number)}`, LOG_LEVEL: "debug", ...env });
  /** The names are exchanged, and the successor is being proved. */
  const isProving = async (): Promise<boolean> => {
    const all = await h.docker.listContainers({ all: true });
    const names = all.flatMap(({ Names, State }) => Names.map((name) => `${name} ${State}`));
    return names.includes("/sa running") && names.some((name) => name.startsWith("/sa.ouroboros-old-"));
  };
  const marks = async (): Promise<string[]> => {
    const { Volumes } = await h.docker.listVolumes();
    return ((Volumes as typeof Volumes | null) ?? []).map(({ Name }) => Name);
  };
  const bothUpdated = async (): Promise<boolean> =>
    (await overview(h)).join() === "sa running 2,sb running 2";

  describe(`two instances on one Engine, on host ${number}`, function () {
    this.timeout(180_000);
    afterEach(() => h.clean());

    for (const [sentence, SETTLE_TIME, isPruned] of [
      ["take turns", "4s", false],
      ["take turns, while what is unused is pruned again and again", "20s", true],
    ] as const)
      it(`${sentence}; the one that waits says for whom`, async () => {
        await due();
        await using a = await instanceFor("sa", { SETTLE_TIME });
        await using b = await instanceFor("sb");
        const over = new AbortController();
        const pruning = isPruned ? pruneUntil(over.signal) : undefined;
        const first = a.start();
        await until("sa's successor is proved", isProvingOrPruned, { explain: first.log });
        const successor = await idOf(h, "sa");
        if (isPruned)
          await until("the old container is pruned", async () => {
            await h.docker.pruneContainers().catch(() => undefined); // one prune at a time
            return (await overview(h)).length === 2;
          });
        const second = b.start();
        assert.equal(await first.exited, 0, `${first.log()}\n${second.log()}`);
        assert.equal(await second.exited, 0, second.log());
        over.abort();
        await pruning;
        assert.ok(second.log().includes(STANDS_BY), second.log());
        assert.ok(isPruned || second.log().includes(`DATA_DIR ${a.dataDir}`), second.log());
        assert.doesNotMatch(second.log(), /taken up|put back|took over/);
        assert.deepEqual(await overview(h), ["sa running 2", "sb running 2"]);
        assert.equal(await idOf(h, "sa"), successor);
        assert.deepEqual(await marks(), []);
      });

    const isProvingOrPruned = async (): Promise<boolean> => {
      const inspect = await h.docker
        .getContainer("sa")
        .inspect()
        .catch(() => undefined); // between two names
      return inspect?.Config.Env.includes("VERSION=2") === true && inspect.State.Running;
    };

    const pruneUntil = async (signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        for (const filters of [{ all: ["true"] }, {}])
          // Engine 20.10 takes named ones without being asked to
          await h.docker.pruneVolumes({ filters }).catch(() => undefined); // one prune at a time
        await h.docker.pruneNetworks().catch(() => undefined);
        await sleep(20);
      }
    };

    if (number === 2) return; // the rest is the same on every Engine

    it("one that is killed is followed within 30 s, and what it left is finished", async () => {
      await due();
      await using a = await instanceFor("sa", { RUN_ONCE: "false", SETTLE_TIME: "60s" });
      await using b = await instanceFor("sb", { RUN_ONCE: "false" });
      const first = a.start();
      await until("sa's successor is proved", isProving, { explain: first.log });
      const second = b.start();
      await until("it stands by", () => second.log().includes(STANDS_BY));
      first.kill("SIGKILL");
      const died = performance.now();
      await until("it took over", () => second.log().includes("took over"), { within: 60_000 });
      const took = Math.round(performance.now() - died);
      assert.ok(took < TAKEN_OVER_WITHIN_MS, `${took} ms`);
      await until("both are updated", bothUpdated);
      await until("the lease is given back", async () => (await marks()).length === 0);
    });

    it("also where the host lost its power", async () => {
      await due();
      await using a = await instanceFor("sa", { RUN_ONCE: "false", SETTLE_TIME: "60s" });
      await using b = await instanceFor("sb", { RUN_ONCE: "false" });
      const [first, second] = [a.start(), b.start()];
      await until("sa's successor is proved", isProving, { explain: first.log });
      await until("the other stands by", () => second.log().includes(STANDS_BY));
      first.kill("SIGKILL");
      second.kill("SIGKILL");
      await bedCommand("cut", String(number));
      await bedCommand("boot", String(number));
      const again = b.start();
      const booted = performance.now();
      await until("it took over", () => again.log().includes("took over"), { within: 60_000 });
      const took = Math.round(performance.now() - booted);
      assert.ok(took < TAKEN_OVER_WITHIN_MS, `${took} ms`);
      await until("both are updated", bothUpdated);
    });

    it("one that is restarted takes up its own at once, before the one that waits", async () => {
      await due();
      await using a = await instanceFor("sa", { SETTLE_TIME: "60s" });
      await using b = await instanceFor("sb");
      const first = a.start();
      await until("sa's successor is proved", isProving, { explain: first.log });
      const second = b.start();
      await until("it stands by", () => second.log().includes(STANDS_BY));
      first.kill("SIGKILL");
      await first.exited;
      const again = a.start({ SETTLE_TIME: "300ms" });
      assert.equal(await again.exited, 0, again.log());
      assert.doesNotMatch(again.log(), /standing by/);
      assert.equal(await second.exited, 0, second.log());
      assert.doesNotMatch(second.log(), /took over/);
      assert.deepEqual(await overview(h), ["sa running 2", "sb running 2"]);
    });

    it("one that was only asleep does nothing more once another has taken over", async () => {
      await due();
      await using a = await instanceFor("sa", { SETTLE_TIME: "20s" });
      await using b = await instanceFor("sb");
      const first = a.start();
      await until("sa's successor is proved", isProving, { explain: first.log });
      first.kill("SIGSTOP");
      const second = b.start();
      assert.equal(await second.exited, 0, second.log());
      assert.match(second.log(), /took over/);
      first.kill("SIGCONT");
      assert.equal(await first.exited, 0, first.log());
      assert.deepEqual(await overview(h), ["sa running 2", "sb running 2"]);
    });
  });
}
