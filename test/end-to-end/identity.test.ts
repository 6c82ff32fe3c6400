// The image that runs is the one that was meant: whose images are replaced, by which digest, and by whose word.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, before, describe, it } from "mocha";
import { ifExists } from "../../shared/docker/engine.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { type Engine, bedCommand, engine, pushApp } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { pushAttested } from "../support/attested-image.ts";
import { composeProject } from "../support/compose-project.ts";
import { deploy, idOf, overview, pull, release } from "../support/containers.ts";
import {
  awaitResults,
  readHold,
  runAsOperator,
  skippedContainers,
  requestPlan,
  update,
} from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { firstUnlessFull, itInFullRun } from "../support/full-run.ts";

const CREATED = { created: "2026-01-01T00:00:00Z" };
const LAB = "registry.lab:5000";
const STORES = [
  ["a storage driver", 1],
  ["containerd's image store", 6],
] as const;

const imageOf = async ({ docker }: Engine, name: string): Promise<string> =>
  (await docker.getContainer(name).inspect()).Image;

async function run(on: Engine, name: string, Image: string): Promise<void> {
  await (await on.docker.createContainer({ name, Image })).start();
}

describe("the image that runs", () => {
  before(() => bedCommand("boot", "6", "28", "--feature=containerd-snapshotter=true"));
  after(() => bedCommand("halt", "6"));

  for (const [store, n] of firstUnlessFull(STORES))
    describe(`with ${store}`, () => {
      it("is never replaced by a stranger's of the same name", async () => {
        await using host = engine(n);
        await pushApp("acme/shop", "7", { body: "mine" });
        await pull(host, `${LAB}/acme/shop:7`);
        await host.docker.getImage(`${LAB}/acme/shop:7`).tag({ repo: `shop${n}`, tag: "prod" });
        await run(host, "tagged", `shop${n}:prod`);
        const [id] = await built(host, `backend${n}`);
        await run(host, "built", `backend${n}:latest`);
        await pushApp(`docker.io/library/shop${n}`, "prod", { body: "a stranger's" });
        await pushApp(`docker.io/library/backend${n}`, "latest", { body: "a stranger's" });
        await using stack = await startStack({ engine: host });
        await stack.check();
        const left = await skippedContainers(stack);
        assert.match(
          left["tagged"] ?? "",
          /^(?:built or )?tagged here.*run it by the name under which its image was/,
        );
        assert.match(
          left["built"] ?? "",
          /^built.* here.*run it by the name under which its image was pulled$/,
        );
        assert.equal(await imageOf(host, "built"), id);
        assert.deepEqual((await overview(host)).length, 2);
      });

      itInFullRun(
        "is never replaced by a stranger's where compose built it under a name of its file's",
        async () => {
          await using host = engine(n);
          await using project = await composeProject(host, `composed${n}`);
          const stranger = await pushApp(`docker.io/library/composed${n}`, "latest", {
            body: "a stranger's",
          });
          await project.compose("up", "-d", "--build", "--pull", "never");
          const [id] = await project.ids();
          await using stack = await startStack({ engine: host });
          const left = await skippedContainers(stack);
          assert.match(left[project.container] ?? "", /^built.* here.*run it by the name under which/);
          const { out } = await runOperatorCommand(stack.access, ["explain", project.container]);
          assert.match(out, /built.* here.*run\s+it\s+by\s+the\s+name/s);
          await project.compose("up", "-d");
          assert.deepEqual(await project.ids(), [id], "compose has nothing to do either");
          const { Id } = await host.docker.getImage(`composed${n}:latest`).inspect();
          assert.ok(![stranger.digest, stranger.configDigest].includes(Id));
        },
      );

      it("stays where only an attestation beside it has changed, and is updated by the same tag after that", async () => {
        await using host = engine(n);
        const repository = `apps/attested${n}`;
        const push = (attested: string, version: string) =>
          pushAttested(repository, "1", attested, { ...CREATED, body: version, env: [`VERSION=${version}`] });
        await push("first", "1");
        await pull(host, `${LAB}/${repository}:1`);
        await run(host, "web", `${LAB}/${repository}:1`);
        const id = await idOf(host, "web");
        await using stack = await startStack({ engine: host });
        await stack.check();
        await push("second", "1");
        assert.deepEqual(await update(stack), { web: "current" });
        assert.equal((await skippedContainers(stack))["web"], "current");
        await push("third", "1");
        await pull(host, `${LAB}/${repository}:1`); // by hand
        assert.equal((await skippedContainers(stack))["web"], "current");
        assert.equal(await idOf(host, "web"), id);
        assert.ok(!stack.heard().includes("before_update web"), "nobody is asked for nothing");
        await push("third", "2");
        assert.deepEqual(await update(stack), { web: "updated" });
        assert.deepEqual(await overview(host), ["web running 2"]);
        assert.equal((await skippedContainers(stack))["web"], "current");
      });

      it("is updated though its tag was pulled by hand, and after a deferral", async () => {
        await using host = engine(n);
        await deploy(host, "moved");
        await using stack = await startStack({ engine: host });
        await stack.check();
        await stack.script("before_update/10-later", "#!/bin/sh\nexit 75\n");
        await release("apps/moved", "2");
        await pull(host, `${LAB}/apps/moved:latest`);
        assert.deepEqual(await update(stack), { moved: "deferred" });
        await stack.script("before_update/10-later", "#!/bin/sh\n");
        assert.deepEqual(await runAsOperator(stack, "update", "moved"), { moved: "updated" });
        assert.deepEqual(await overview(host), ["moved running 2"]);
        const { Id } = await host.docker.getImage(`${LAB}/apps/moved:latest`).inspect();
        assert.equal(await imageOf(host, "moved"), Id);
        const { Config } = await host.docker.getContainer("moved").inspect();
        assert.equal(Config.Image, `${LAB}/apps/moved:latest`);
        assert.equal((await skippedContainers(stack))["moved"], "current");
      });

      it("goes back and forth again, by the digests in the host's own records", async () => {
        await using host = engine(n);
        await deploy(host, "web");
        await using stack = await startStack({ engine: host, env: { CLEANUP: "true" }, forges: true });
        await stack.check();
        await release("apps/web", "2");
        assert.deepEqual(await update(stack), { web: "updated" });
        const forged = await forgeUpdate(stack, host, "web");
        assert.deepEqual(await runAsOperator(stack, "rollback", "web"), { web: "updated" });
        assert.deepEqual(await overview(host), ["web running 1"]);
        assert.equal(await ifExists(host.docker.getImage(forged).inspect()), undefined);
        assert.match((await skippedContainers(stack))["web"] ?? "", /^held: rolled back by the operator/);
        await release("apps/web", "3");
        assert.deepEqual(await update(stack), { web: "updated" });
        assert.deepEqual(await overview(host), ["web running 3"]);
      });

      it("is the one that was planned, or none", async () => {
        await using host = engine(n);
        await deploy(host, "web");
        const old = await imageOf(host, "web");
        await using stack = await startStack({ engine: host });
        await stack.check();
        const two = await release("apps/web", "2");
        await stack.script("updates_enumerated/10-wait", WAIT(stack.folder));
        const first = await requestPlan(stack);
        await release("apps/web", "3");
        await writeFile(`${stack.folder}/go`, "");
        assert.deepEqual(await awaitResults(stack, first), { web: "expired" });
        assert.equal(await imageOf(host, "web"), old);
        assert.equal((await host.docker.getImage(`${LAB}/apps/web:latest`).inspect()).Id, old);
        assert.equal((await readHold(stack, "web"))?.digest, two.digest);
        assert.deepEqual(await update(stack), { web: "updated" });
        assert.deepEqual(await overview(host), ["web running 3"]);
      });

      it("stays, and keeps every name that somebody gave it, with CLEANUP", async () => {
        await using host = engine(n);
        await deploy(host, "web");
        const old = await imageOf(host, "web");
        await host.docker.getImage(old).tag({ repo: `${LAB}/apps/web`, tag: "before-upgrade" });
        await using stack = await startStack({ engine: host, env: { CLEANUP: "true" } });
        await stack.check();
        await release("apps/web", "2");
        assert.deepEqual(await update(stack), { web: "updated" });
        const kept = await host.docker.getImage(`${LAB}/apps/web:before-upgrade`).inspect();
        assert.equal(kept.Id, old);
        assert.ok(!stack.heard().includes("before_image_cleanup web"), "nobody is asked about what is kept");
        const second = await imageOf(host, "web");
        await release("apps/web", "3");
        assert.deepEqual(await update(stack), { web: "updated" });
        assert.equal(await ifExists(host.docker.getImage(second).inspect()), undefined);
      });
    });

  it("stays where only the index around it has changed", async () => {
    await using host = engine(6);
    await deploy(host, "web", { imageOptions: CREATED });
    const old = await overview(host);
    const id = (await host.docker.getContainer("web").inspect()).Id;
    await using stack = await startStack({ engine: host });
    await stack.check();
    await pushApp("apps/web", "latest", {
      ...CREATED,
      body: "apps/web 1",
      env: ["VERSION=1"],
      platforms: ["linux/amd64", "linux/arm64"],
    });
    assert.deepEqual(await update(stack), { web: "current" });
    assert.equal((await skippedContainers(stack))["web"], "current");
    assert.deepEqual([await overview(host), (await host.docker.getContainer("web").inspect()).Id], [old, id]);
  });
});

describe("a forged plan", () => {
  it("updates nothing that the host's own filters leave alone", async () => {
    await using host = engine(1);
    await deploy(host, "web");
    await using stack = await startStack({
      engine: host,
      services: ["updater", "hook-executor"],
      env: { IGNORE: "web" },
    });
    stack.start("poller", { env: { IGNORE: "" } });
    await stack.check();
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "expired" });
    assert.equal((await stack.awaitResult("web")).because, "ignored");
    assert.deepEqual(await overview(host), ["web running 1"]);
  });
});

const WAIT = (folder: string): string => `#!/bin/sh\nwhile [ ! -e ${folder}/go ]; do sleep 0.1; done\n`;

/** An image that no registry has. */
async function built(host: Engine, name: string): Promise<string[]> {
  await pushApp("bases/busybox", "1", { body: "mine" });
  await pull(host, `${LAB}/bases/busybox:1`);
  const made = await host.docker.createContainer({ Image: `${LAB}/bases/busybox:1` });
  await made.commit({ repo: name, tag: "latest" });
  await made.remove({ force: true });
  return [(await host.docker.getImage(`${name}:latest`).inspect()).Id];
}

/** Writes to the journal that the container ran another image before. Resolves with that image. */
async function forgeUpdate(stack: Stack, host: Engine, container: string): Promise<string> {
  const { digest } = await pushApp("evil/app", "1", { body: "evil" });
  const record = {
    ...{ writer: "f".repeat(16), n: 1, at: new Date().toISOString(), host: stack.host, run: "zzzzzzzzzz" },
    ...{ kind: "ended", container, end: "updated", because: "the new container proved itself" },
    ...{ from: `sha256:${"e".repeat(64)}`, to: await imageOf(host, container) },
    from_digest: `${LAB}/evil/app@${digest}`,
  };
  stack.nats.publish(subjects.run(stack.host, "zzzzzzzzzz"), JSON.stringify(record));
  await stack.nats.flush();
  return record.from_digest;
}
