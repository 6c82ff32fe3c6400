// Damage to the store of a private NATS while it is down, and the program that is started on it.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "./containers.ts";
import { createInstance } from "./ouroboros-instance.ts";
import { until } from "./until.ts";

const h1 = engine(1);

type Damage = readonly [sentence: string, damage: (store: string) => Promise<void>];

/** Files below the store whose path matches, whole paths. */
async function files(store: string, pattern: RegExp): Promise<string[]> {
  const entries = await readdir(store, { recursive: true, withFileTypes: true });
  const all = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  return all.filter((path) => pattern.test(path.slice(store.length + 1)));
}

const each =
  (pattern: RegExp, act: (path: string) => Promise<void>) =>
  async (store: string): Promise<void> => {
    const found = await files(store, pattern);
    assert.notEqual(found.length, 0, `nothing matches ${pattern}`);
    for (const path of found) await act(path);
  };

const remove = (path: string): Promise<void> => rm(path, { recursive: true });
const halve = async (path: string): Promise<void> => truncate(path, Math.floor((await stat(path)).size / 2));
const empty = (path: string): Promise<void> => truncate(path, 0);
const zero = async (path: string): Promise<void> => writeFile(path, Buffer.alloc((await stat(path)).size));
const garble = async (path: string): Promise<void> => {
  const bytes = await readFile(path);
  for (let at = 3; at < bytes.length; at += 7) bytes[at] = (bytes[at] ?? 0) ^ 0xa5;
  await writeFile(path, bytes);
};
const folder =
  (pattern: RegExp) =>
  async (store: string): Promise<void> => {
    const entries = await readdir(store, { recursive: true, withFileTypes: true });
    const found = entries.filter((one) => one.isDirectory()).map((one) => join(one.parentPath, one.name));
    const wanted = found.filter((path) => pattern.test(path.slice(store.length + 1)));
    assert.notEqual(wanted.length, 0);
    for (const path of wanted) await rm(path, { recursive: true, force: true });
  };

const BLOCKS = /msgs\/\d+\.blk$/;
const OF_HOOKS = /OUROBOROS_HOOKS\/msgs\/\d+\.blk$/;
const INDEX = /msgs\/index\.db$/;
const hooksAreLost = folder(/OUROBOROS_HOOKS\/msgs$/);

/** Each leaves a consumer that is ahead of its stream. */
export const losses: readonly Damage[] = [
  ["the messages of all streams are gone, and what indexes them", folder(/\/msgs$/)],
  ["the messages of the hooks are gone, and what indexes them", hooksAreLost],
  ["all messages are empty files", each(BLOCKS, empty)],
  ["the messages of the hooks are empty and not indexed", each(/OUROBOROS_HOOKS\/msgs\/.*/, empty)],
];

export const damages: readonly Damage[] = [
  ["the messages of all streams are gone", each(BLOCKS, remove)],
  ["all messages are cut in half", each(BLOCKS, halve)],
  ["all messages are zeros", each(BLOCKS, zero)],
  ["all messages are garbage", each(BLOCKS, garble)],
  ["the messages of the hooks are zeros", each(OF_HOOKS, zero)],
  ["the indexes are garbage", each(INDEX, garble)],
  ["the indexes are gone", each(INDEX, remove)],
  ["the consumers' states are gone", each(/obs\/.*\/o\.dat$/, remove)],
  ["the consumers' states are garbage", each(/obs\/.*\/o\.dat$/, garble)],
  ["the consumers' states are empty", each(/obs\/.*\/o\.dat$/, empty)],
  ["the consumers' configurations are garbage", each(/obs\/.*\/meta\.inf$/, garble)],
  ["the consumers' configurations are empty", each(/obs\/.*\/meta\.inf$/, empty)],
  ["the consumers' checksums are gone", each(/obs\/.*\/meta\.sum$/, remove)],
  ["the consumers are gone", folder(/\/obs$/)],
  ["the streams' configurations are garbage", each(/streams\/[^/]+\/meta\.inf$/, garble)],
  ["the streams' configurations are empty", each(/streams\/[^/]+\/meta\.inf$/, empty)],
  ["the streams' configurations are gone", each(/streams\/[^/]+\/meta\.inf$/, remove)],
  ["the streams' checksums are garbage", each(/streams\/[^/]+\/meta\.sum$/, garble)],
  ["the stream of hooks is gone", folder(/streams\/OUROBOROS_HOOKS$/)],
  ["the stream of runs is gone", folder(/streams\/OUROBOROS_RUNS$/)],
  ["the stream of verdicts is gone", folder(/streams\/OUROBOROS_VERDICTS$/)],
  ["a bucket is gone", folder(/streams\/KV_OUROBOROS_HOSTS$/)],
  ["all files are empty", each(/jetstream\/.*/, empty)],
  ["all files are garbage", each(/jetstream\/.*/, garble)],
  [
    "there is a file where the folder of streams was",
    async (store) => {
      for (const path of (await readdir(join(store, "jetstream"))).map((name) =>
        join(store, "jetstream", name, "streams"),
      )) {
        await rm(path, { recursive: true, force: true });
        await writeFile(path, "");
      }
    },
  ],
];

export function describeDamages(damages: readonly Damage[]): void {
  describe("the all-in-one program whose NATS was damaged while it was down", function () {
    this.timeout(300_000);
    let kept = "";
    let version = 1;

    before(async () => {
      await deploy(h1, "web", { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
      await using one = await createInstance();
      await release("apps/web", `${++version}`);
      const first = one.start();
      assert.equal(await first.exited, 0, first.log());
      kept = await mkdtemp(join(tmpdir(), "damaged-"));
      await cp(one.dataDir, kept, { recursive: true });
    });
    after(async () => {
      await rm(kept, { recursive: true, force: true });
      await h1.clean();
    });

    for (const [sentence, damage] of damages)
      it(`works all the same: ${sentence}`, async () => {
        await release("apps/web", `${++version}`);
        await using one = await createInstance({ RUN_ONCE_TIMEOUT: "2m", STOP_GRACE: "1s" });
        await cp(kept, one.dataDir, { recursive: true });
        await damage(join(one.dataDir, "nats"));
        const again = one.start();
        assert.equal(await again.exited, 0, again.log());
        assert.deepEqual(await overview(h1), [`web running ${version}`]);
      });

    it("works as a service too, and says what it has lost", async () => {
      await release("apps/web", `${++version}`);
      await using one = await createInstance({ RUN_ONCE: "false" });
      await cp(kept, one.dataDir, { recursive: true });
      await hooksAreLost(join(one.dataDir, "nats"));
      const service = one.start();
      const isUpdated = async () => (await overview(h1)).join() === `web running ${version}`;
      await until("web is updated", isUpdated, { within: 120_000, explain: service.log });
      assert.match(service.log(), /messages were lost; consumers that are ahead of them are made anew/);
      assert.match(service.log(), /updater_h1/);
    });
  });
}
