// A prune while an update waits for its last word, after_update: the old container stops being there, and comes back.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import type { Engine } from "../../bed/bed.ts";
import { deploy, idOf, overview, release } from "../../support/containers.ts";
import { update } from "../../support/runs.ts";
import { type Stack, startStack } from "../../support/stack.ts";
import { firstUnlessFull } from "../../support/full-run.ts";
import {
  type Share,
  WAITS,
  byCurl,
  containers,
  halves,
  keptImages,
  networks,
  untagged,
  unused,
  volumes,
} from "./prune-calls.ts";

interface Scene {
  readonly h: Engine;
  readonly stack: Stack;
  /** Of the container. */
  readonly name: string;
}
type Case = readonly [says: string, (scene: Scene) => Promise<void>];

const refused = (prune: string, calls: readonly string[]): Case => [
  `${prune}: after a refusal the old container runs again, with its data`,
  async (scene) => {
    const { h, stack, name } = scene;
    const old = await deployWithData(scene);
    await refuseAfter(scene, calls);
    assert.deepEqual(await update(stack), { [name]: "rolled_back" });
    assert.deepEqual(await overview(h), [`${name} running 1`]);
    const { Mounts, HostConfig, Image } = await h.docker.getContainer(name).inspect();
    assert.deepEqual(
      Mounts.map(({ Name }) => Name),
      old.Mounts.map(({ Name }) => Name),
    );
    assert.deepEqual([HostConfig.RestartPolicy, Image], [old.HostConfig.RestartPolicy, old.Image]);
    assert.deepEqual(await keptImages(h), []);
  },
];

const NOT_ITSELF = { "com.ouroboros.enable": "false" };

const cases: readonly Case[] = [
  refused("system prune", [containers, networks, untagged]),
  refused("system prune --all --volumes", [containers, networks, volumes, unused]),
  refused("container prune", [containers]),
  refused("image prune --all", [unused]),
  refused("volume prune --all", [volumes]),
  refused("network prune", [networks]),
  [
    "what shares its network or links to it is recreated with it, and all are as they were",
    async (scene) => {
      const { h, stack, name } = scene;
      const web = await deploy(h, name);
      await deploy(h, "child", {
        imageOptions: WAITS,
        create: {
          HostConfig: { NetworkMode: `container:${web}` },
          Labels: NOT_ITSELF,
        },
      });
      await deploy(h, "linker", {
        imageOptions: WAITS,
        create: { HostConfig: { Links: [`${name}:tunnel`] }, Labels: NOT_ITSELF },
      });
      await refuseAfter(scene, [containers, networks, volumes, unused]);
      assert.deepEqual(await update(stack), { [name]: "rolled_back" });
      assert.deepEqual(await overview(h), ["child running 1", "linker running 1", `${name} running 1`]);
      await h.docker.getContainer("linker").restart({ t: 1 });
      const { HostConfig } = await h.docker.getContainer("child").inspect();
      assert.equal(HostConfig.NetworkMode, `container:${await idOf(h, name)}`);
    },
  ],
  [
    "an update that is kept leaves nothing of ours",
    async (scene) => {
      const { h, stack, name } = scene;
      await deployWithData(scene);
      await stack.check();
      await release(`apps/${name}`, "2");
      assert.deepEqual(await update(stack), { [name]: "updated" });
      assert.deepEqual(await overview(h), [`${name} running 2`]);
      assert.deepEqual(await keptImages(h), []);
    },
  ],
];

/** One stack for all; each case has a container of another name. */
export function describeAfterUpdate(share: Share): void {
  for (const { h, title, cases: own } of firstUnlessFull(halves(cases, share)))
    describe(`a prune while after_update is waited for, ${title}`, () => {
      let stack: Stack;
      before(async () => {
        stack = await startStack({ engine: h });
      });
      afterEach(async () => {
        await h.clean();
        await rm(join(stack.folder, "hooks/after_update"), { recursive: true, force: true });
      });
      after(() => stack[Symbol.asyncDispose]());

      for (const [n, [says, check]] of own.entries()) it(says, () => check({ h, stack, name: `web${n}` }));
    });
}

async function deployWithData({ h, name }: Scene) {
  await deploy(h, name, {
    create: { Volumes: { "/data": {} }, HostConfig: { RestartPolicy: { Name: "unless-stopped" } } },
  });
  return h.docker.getContainer(name).inspect();
}

async function refuseAfter({ h, stack, name }: Scene, paths: readonly string[]): Promise<void> {
  const calls = paths.map((path) => ["POST", path] as const);
  await stack.script("after_update/prune", `#!/bin/sh\n${byCurl(h, calls)}echo "not this one" >&2; exit 1\n`);
  await stack.check();
  await release(`apps/${name}`, "2");
}
