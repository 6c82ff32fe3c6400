// What a prune takes while an update waits for its last word: the old container stops being there, and comes back.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { KEPT_IMAGES } from "../../services/updater/swap/way-back.ts";
import { engine } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";

const WAITS = { cmd: 'trap "exit 0" TERM; while :; do sleep 0.2; done' };

const containers = "/containers/prune";
const untagged = "/images/prune";
const unused = "/images/prune?filters=%7B%22dangling%22%3A%5B%22false%22%5D%7D";
const volumes = "/volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D";
const networks = "/networks/prune";

/** What `docker … prune` asks of the Engine. */
const prunes: readonly (readonly [string, readonly string[]])[] = [
  ["system prune", [containers, networks, untagged]],
  ["system prune --all --volumes", [containers, networks, volumes, unused]],
  ["container prune", [containers]],
  ["image prune --all", [unused]],
  ["volume prune --all", [volumes]],
  ["network prune", [networks]],
];

for (const number of [1, 2]) {
  const h = engine(number);

  describe(`a prune while after_update is waited for, on host ${number}`, () => {
    afterEach(() => h.clean());

    for (const [prune, calls] of prunes)
      it(`${prune}: after a refusal the old container runs again, with its data`, async () => {
        const old = await deployWithData();
        await using stack = await startStack({ engine: h });
        await refuseAfter(stack, calls);
        assert.deepEqual(await update(stack), { web: "rolled_back" });
        assert.deepEqual(await overview(h), ["web running 1"]);
        const { Mounts, HostConfig, Image } = await h.docker.getContainer("web").inspect();
        assert.deepEqual(
          Mounts.map(({ Name }) => Name),
          old.Mounts.map(({ Name }) => Name),
        );
        assert.deepEqual([HostConfig.RestartPolicy, Image], [old.HostConfig.RestartPolicy, old.Image]);
        assert.deepEqual(await keptImages(), []);
      });

    it("what shares its network is recreated with it, and both are as they were", async () => {
      const web = await deploy(h, "web");
      await deploy(h, "child", {
        imageOptions: WAITS,
        create: {
          HostConfig: { NetworkMode: `container:${web}` },
          Labels: { "com.ouroboros.enable": "false" },
        },
      });
      await using stack = await startStack({ engine: h, env: { MONITOR: "web" } });
      await refuseAfter(stack, [containers, networks, volumes, unused]);
      assert.deepEqual(await update(stack), { web: "rolled_back" });
      assert.deepEqual(await overview(h), ["child running 1", "web running 1"]);
      const { HostConfig } = await h.docker.getContainer("child").inspect();
      assert.equal(HostConfig.NetworkMode, `container:${await idOf(h, "web")}`);
    });

    it("an update that is kept leaves nothing of ours", async () => {
      await deployWithData();
      await using stack = await startStack({ engine: h });
      await stack.check();
      await release("apps/web", "2");
      assert.deepEqual(await update(stack), { web: "updated" });
      assert.deepEqual(await overview(h), ["web running 2"]);
      assert.deepEqual(await keptImages(), []);
    });

    async function deployWithData() {
      await deploy(h, "web", {
        create: { Volumes: { "/data": {} }, HostConfig: { RestartPolicy: { Name: "unless-stopped" } } },
      });
      return h.docker.getContainer("web").inspect();
    }

    async function refuseAfter(stack: Stack, calls: readonly string[]): Promise<void> {
      const curl = (call: string) =>
        `curl -sf -X POST --unix-socket ${h.socket} 'http://engine${call}' || exit 9\n`;
      const text = `#!/bin/sh\n${calls.map(curl).join("")}echo "not this one" >&2; exit 1\n`;
      await stack.script("after_update/prune", text);
      await stack.check();
      await release("apps/web", "2");
    }

    async function keptImages(): Promise<string[]> {
      const images = await h.docker.listImages();
      const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []);
      return tags.filter((tag) => tag.includes(KEPT_IMAGES));
    }
  });
}
