// Two instances on one Engine, each with a NATS and a DATA_DIR of its own: one acts at a time, the other says who and stands by.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, it } from "mocha";
import { bedCommand, engine, engineSocket } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { type OuroborosInstance, createInstance } from "../support/ouroboros-instance.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull, itInFullRun } from "../support/full-run.ts";

type Started = ReturnType<OuroborosInstance["start"]>;

const STANDS_BY = "another Ouroboros acts on this Engine; standing by";
const TAKEN_OVER_WITHIN_MS = 30_000;
/** Longer than any silence after which one that acts counts as dead. */
const LONG_MS = 20_000;
const PATIENT = { within: 120_000 };
const SERVICE = { RUN_ONCE: "false" };

for (const number of firstUnlessFull([1, 2])) {
  const h = engine(number);

  /** `sa` and `sb` run, and version 2 of both is due. */
  const due = async (): Promise<void> => {
    for (const name of ["sa", "sb"])
      await deploy(h, name, { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
    for (const name of ["sa", "sb"]) await release(`apps/${name}`, "2");
  };
  const instanceFor = (name: string): Promise<OuroborosInstance> =>
    createInstance({ MONITOR: name, DOCKER_SOCKETS: `unix://${engineSocket(number)}` });
  /** Env of an instance that waits at after_update, in the middle of its update, until `letGo`. */
  const waiting = async ({ dataDir }: OuroborosInstance) => {
    const [hooks, waits, isThere] = ["hooks", "waits", "there"].map((name) => join(dataDir, name));
    const folder = join(hooks ?? "", "after_update");
    await mkdir(folder, { recursive: true });
    await writeFile(waits ?? "", "");
    const script = `#!/bin/sh\ntouch ${isThere}\nwhile [ -e ${waits} ]; do sleep 0.1; done\n`;
    await writeFile(join(folder, "wait"), script, { mode: 0o755 });
    return {
      env: { HOOK_EXECUTOR: "on", HOOKS_DIR: hooks ?? "", HOOK_TIMEOUT: "10m" },
      /** The successor runs, and after_update waits. */
      begun: ({ log }: Started) =>
        until("the successor runs", () => existsSync(isThere ?? ""), { ...PATIENT, explain: log }),
      letGo: () => rm(waits ?? ""),
    };
  };
  const standsBy = ({ log }: Started): Promise<unknown> =>
    until("it stands by", () => log().includes(STANDS_BY), { ...PATIENT, explain: log });
  const marks = async (): Promise<string[]> => {
    const { Volumes } = await h.docker.listVolumes();
    return ((Volumes as typeof Volumes | null) ?? []).map(({ Name }) => Name);
  };
  const UPDATED = ["sa running 2", "sb running 2"];
  const bothUpdated = async (): Promise<boolean> => (await overview(h)).join() === UPDATED.join();
  const pruneUntil = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      for (const filters of [{ all: ["true"] }, {}])
        // Engine 20.10 takes named ones without being asked to
        await h.docker.pruneVolumes({ filters }).catch(() => undefined); // one prune at a time
      await h.docker.pruneNetworks().catch(() => undefined);
      await sleep(20);
    }
  };

  describe(`two instances on one Engine, on host ${number}`, function () {
    this.timeout(400_000);
    afterEach(() => h.clean());

    it("take turns; the one that waits says for whom", async () => {
      await due();
      await using a = await instanceFor("sa");
      await using b = await instanceFor("sb");
      const scene = await waiting(a);
      const first = a.start(scene.env);
      await scene.begun(first);
      const successor = await idOf(h, "sa");
      const second = b.start();
      await standsBy(second);
      assert.ok(second.log().includes(`host name h1, DATA_DIR ${a.dataDir}`), second.log());
      await scene.letGo();
      assert.equal(await first.exited, 0, `${first.log()}\n${second.log()}`);
      assert.equal(await second.exited, 0, second.log());
      assert.doesNotMatch(second.log(), /taken up|put back|took over/);
      assert.deepEqual(await overview(h), UPDATED);
      assert.equal(await idOf(h, "sa"), successor);
      assert.deepEqual(await marks(), []);
    });

    itInFullRun("take turns also while what is unused is pruned again and again", async () => {
      await due();
      await using a = await instanceFor("sa");
      await using b = await instanceFor("sb");
      const scene = await waiting(a);
      const first = a.start(scene.env);
      await scene.begun(first);
      const successor = await idOf(h, "sa");
      const over = new AbortController();
      const pruning = pruneUntil(over.signal);
      const second = b.start();
      await standsBy(second);
      await sleep(LONG_MS);
      assert.doesNotMatch(second.log(), /taken up|put back|took over/);
      await scene.letGo();
      assert.equal(await first.exited, 0, `${first.log()}\n${second.log()}`);
      assert.equal(await second.exited, 0, second.log());
      over.abort();
      await pruning;
      assert.deepEqual(await overview(h), UPDATED);
      assert.equal(await idOf(h, "sa"), successor);
      assert.deepEqual(await marks(), []);
    });

    if (number === 2) return; // the rest is the same on every Engine

    it("one that is killed is followed within 30 s, and what it left is finished", async () => {
      await due();
      await using a = await instanceFor("sa");
      await using b = await instanceFor("sb");
      const scene = await waiting(a);
      const first = a.start({ ...scene.env, ...SERVICE });
      await scene.begun(first);
      const second = b.start(SERVICE);
      await standsBy(second);
      first.kill("SIGKILL");
      const died = performance.now();
      await until("it took over", () => second.log().includes("took over"), PATIENT);
      const took = Math.round(performance.now() - died);
      assert.ok(took < TAKEN_OVER_WITHIN_MS, `${took} ms`);
      await until("both are updated", bothUpdated, PATIENT);
      await until("the lease is given back", async () => (await marks()).length === 0);
    });

    itInFullRun("also where the host lost its power", async () => {
      await due();
      await using a = await instanceFor("sa");
      await using b = await instanceFor("sb");
      const scene = await waiting(a);
      const first = a.start({ ...scene.env, ...SERVICE });
      await scene.begun(first);
      first.kill("SIGKILL");
      await bedCommand("cut", String(number));
      await bedCommand("boot", String(number));
      const second = b.start(SERVICE);
      await standsBy(second);
      const booted = performance.now();
      await until("it took over", () => second.log().includes("took over"), PATIENT);
      const took = Math.round(performance.now() - booted);
      assert.ok(took < TAKEN_OVER_WITHIN_MS, `${took} ms`);
      await until("both are updated", bothUpdated, PATIENT);
    });

    itInFullRun("one that is restarted takes up its own at once, before the one that waits", async () => {
      await due();
      await using a = await instanceFor("sa");
      await using b = await instanceFor("sb");
      const scene = await waiting(a);
      const first = a.start(scene.env);
      await scene.begun(first);
      first.kill("SIGKILL");
      await first.exited;
      await scene.letGo();
      const again = a.start(scene.env);
      assert.equal(await again.exited, 0, again.log());
      assert.doesNotMatch(again.log(), /standing by/);
      assert.equal(await b.start().exited, 0);
      assert.deepEqual(await overview(h), UPDATED);
    });

    itInFullRun("one that was only asleep does no harm once another has taken over", async () => {
      await due();
      await using a = await instanceFor("sa");
      await using b = await instanceFor("sb");
      const scene = await waiting(a);
      const first = a.start(scene.env);
      await scene.begun(first);
      first.kill("SIGSTOP");
      const second = b.start();
      assert.equal(await second.exited, 0, second.log());
      assert.match(second.log(), /took over/);
      await scene.letGo();
      first.kill("SIGCONT");
      assert.equal(await first.exited, 0, first.log());
      assert.deepEqual(await overview(h), UPDATED);
    });
  });
}
