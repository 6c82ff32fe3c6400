// A prune while no updater is there: the last one was killed in the middle of an update.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerInspectInfo } from "dockerode";
import { after, afterEach, before, describe, it } from "mocha";
import type { Engine } from "../../bed/bed.ts";
import { deploy, overview, release } from "../../support/containers.ts";
import { awaitResults } from "../../support/runs.ts";
import { type Process, type Stack, startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import {
  type Share,
  runPrunes,
  containers,
  halves,
  networks,
  nothingIsLeft,
  snapshotsOf,
  unused,
} from "./prune-calls.ts";
import { firstUnlessFull } from "../../support/full-run.ts";
import { testProgram } from "../../support/test-programs.ts";

const dyingUpdater = testProgram("crashing-updater");
const ENDS = { cmd: ["false"] };
const STOPPED = "stop the old container";

interface Scene {
  readonly h: Engine;
  readonly stack: Stack;
  /** Of the container. */
  readonly name: string;
}

interface Killed {
  readonly old: ContainerInspectInfo;
  readonly run: string;
  /** The next updater. */
  readonly start: () => Process;
}

type Case = readonly [says: string, (scene: Scene) => Promise<void>];

const pruned = (
  prune: string,
  step: string,
  calls: readonly string[],
  end: "updated" | "rolled_back" = "updated",
): Case => [
  `${prune}, after "${step}": it runs as it was, and is ${end}`,
  async (scene) => {
    const { h, stack, name } = scene;
    const { old, run, start } = await killedAfter(scene, step, end === "updated" ? {} : ENDS);
    await runPrunes(h, calls);
    start();
    assert.deepEqual(await awaitResults(stack, run), { [name]: end });
    assert.deepEqual(await overview(h), [`${name} running ${end === "updated" ? 2 : 1}`]);
    await expectLike(scene, old);
    await nothingIsLeft(h, stack);
  },
];

const all = [containers, networks, unused];
const cases: readonly Case[] = [
  pruned("container prune", STOPPED, [containers]),
  pruned("all that is unused", STOPPED, all),
  pruned("all that is unused", "give the name to the successor", all),
  pruned("network prune", STOPPED, [networks]),
  pruned("all that is unused", "start the successor", all, "rolled_back"),
  [
    "what its owner removed, the old one and the new one, stays away",
    async (scene) => {
      const { h, stack, name } = scene;
      const { run, start } = await killedAfter(scene, STOPPED);
      for (const { Id } of await h.docker.listContainers({ all: true }))
        await h.docker.getContainer(Id).remove();
      start();
      assert.deepEqual(await awaitResults(stack, run), { [name]: "expired" });
      assert.deepEqual(await overview(h), []);
      await nothingIsLeft(h, stack);
    },
  ],
  [
    "a damaged snapshot is told and set aside, and the others go on",
    async (scene) => {
      const { h, stack, name } = scene;
      const { run, start } = await killedAfter(scene, STOPPED);
      const [file = ""] = await snapshotsOf(stack);
      await writeFile(join(stack.folder, "data/replaced", file), '{"version": 1, "run": ');
      const updater = start();
      assert.deepEqual(await awaitResults(stack, run), { [name]: "updated" });
      assert.match(updater.log(), /snapshot is damaged and set aside/);
      assert.deepEqual(await overview(h), [`${name} running 2`]);
    },
  ],
];

/** One NATS, hook-executor and poller for all; each case has a container of another name and updaters of its own. */
export function describeAfterKill(share: Share): void {
  for (const { h, title, cases: own } of firstUnlessFull(halves(cases, share)))
    describe(`a prune after the updater was killed, ${title}`, () => {
      let stack: Stack;
      before(async () => {
        stack = await startStack({ engine: h, services: ["hook-executor", "poller"] });
      });
      afterEach(async () => {
        await stack.services.updater?.[Symbol.asyncDispose]();
        await h.clean();
      });
      after(() => stack[Symbol.asyncDispose]());

      for (const [n, [says, check]] of own.entries()) it(says, () => check({ h, stack, name: `web${n}` }));
    });
}

async function killedAfter({ h, stack, name }: Scene, step: string, next = {}): Promise<Killed> {
  const seen = stack.records.length;
  await h.docker.createNetwork({ Name: "front", Labels: { of: "front" } });
  await deploy(h, name, {
    create: {
      Volumes: { "/data": {} },
      HostConfig: { NetworkMode: "front", RestartPolicy: { Name: "always" } },
      NetworkingConfig: { EndpointsConfig: { front: { Aliases: ["site"] } } },
    },
  });
  const old = await h.docker.getContainer(name).inspect();
  const dying = stack.start("updater", { program: dyingUpdater, env: { DIE_AFTER: step } });
  await stack.check();
  await release(`apps/${name}`, "2", next);
  await stack.check();
  assert.equal(await dying.exited, "SIGKILL");
  await stack.nats.flush();
  const begun = () => stack.records.slice(seen).find(({ kind }) => kind === "begun")?.run;
  return { old, run: await until("a run has begun", begun), start: () => stack.start("updater") };
}

async function expectLike({ h, name }: Scene, old: ContainerInspectInfo): Promise<void> {
  const { Mounts, HostConfig, NetworkSettings } = await h.docker.getContainer(name).inspect();
  assert.deepEqual(
    Mounts.map(({ Name }) => Name),
    old.Mounts.map(({ Name }) => Name),
  );
  assert.deepEqual(HostConfig.RestartPolicy, old.HostConfig.RestartPolicy);
  assert.ok(((NetworkSettings.Networks["front"]?.Aliases ?? []) as string[]).includes("site"));
  assert.notEqual(NetworkSettings.Networks["front"]?.IPAddress, "");
  assert.deepEqual((await h.docker.getNetwork("front").inspect()).Labels, { of: "front" });
}
