// A container and another that refers to it, both to be updated: one transaction (services/updater/plan/linked-updates.ts).
import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { engine, pushApp } from "../bed/bed.ts";
import {
  assertLeft,
  LONG_SETTLE_TIME,
  deploy,
  idOf,
  overview,
  pull,
  release,
} from "../support/containers.ts";
import { readHold, runAsOperator, update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { itInFullRun, firstUnlessFull } from "../support/full-run.ts";

const h1 = engine(1);
/** The port is the parent's. */
const CMD = 'trap "exit 0" TERM; sleep 10000 & wait';

describe("a container and what refers to it, both to be updated,", () => {
  afterEach(() => h1.clean());

  it("are one transaction (A1, A2): asked about first, each recreated once, on its new image", async () => {
    await using stack = await deployPair();
    const before = await ids();
    await releaseBoth();
    assert.deepEqual(await update(stack), { vpn: "updated", child: "updated" });
    assert.deepEqual(stack.heard(), [
      "updates_enumerated",
      "before_update vpn",
      "before_update child",
      "after_update vpn",
      "after_update child",
    ]);
    await assertPair({ vpn: "2", child: "2" });
    assert.deepEqual(swappedTo(stack), { vpn: await ids("vpn"), child: await ids("child") });
    assert.notDeepEqual(await ids(), before);
    const ended = stack.records.filter((record) => record.kind === "ended");
    assert.ok(ended.every(({ downtime_ms: ms }) => (ms ?? 0) > 0));
  });

  it("are both put back when the child's new image is bad (A3); the parent may then go without it", async () => {
    await using stack = await deployPair({ bad: "child" });
    const before = await ids();
    await releaseBoth({ cmd: ["false"] });
    assert.deepEqual(await update(stack), { vpn: "rolled_back", child: "rolled_back" });
    assert.deepEqual(await ids(), before);
    await assertPair({ vpn: "1", child: "1" });
    const [vpn, child] = [await readHold(stack, "vpn"), await readHold(stack, "child")];
    assert.match(
      vpn?.because ?? "",
      /^put back with child: .*child could not be recreated.*(exited with code 1|exited and was restarted)/,
    );
    assert.notEqual(vpn?.until, null);
    assert.equal(child?.until, null);
    assert.deepEqual(await runAsOperator(stack, "update", "vpn"), { vpn: "updated" });
    await assertPair({ vpn: "2", child: "1" });
  });

  itInFullRun(
    "are both put back when the parent's new image is bad; the child may then go alone",
    async () => {
      await using stack = await deployPair({ bad: "vpn" });
      const before = await ids();
      await release("apps/vpn", "2", { cmd: ["false"] });
      await release("apps/child", "2", { cmd: CMD });
      assert.deepEqual(await update(stack), { vpn: "rolled_back", child: "rolled_back" });
      assert.deepEqual(await ids(), before);
      assert.match(
        (await readHold(stack, "child"))?.because ?? "",
        /^put back with vpn: "prove the successor" failed/,
      );
      assert.deepEqual(await runAsOperator(stack, "update", "child"), { child: "updated" });
      await assertPair({ vpn: "1", child: "2" });
    },
  );

  for (const refused of firstUnlessFull(["vpn", "child"])) {
    itInFullRun(`are both put back when after_update refuses ${refused}`, async () => {
      await using stack = await deployPair();
      const before = await ids();
      await stack.script("after_update/no", only(refused));
      await releaseBoth();
      assert.deepEqual(await update(stack), { vpn: "rolled_back", child: "rolled_back" });
      assert.deepEqual(await ids(), before);
      await assertPair({ vpn: "1", child: "1" });
      assert.equal((await readHold(stack, refused))?.until, null);
      assert.notEqual((await readHold(stack, refused === "vpn" ? "child" : "vpn"))?.until, null);
    });

    it(`are not one when before_update refuses ${refused}`, async () => {
      await using stack = await deployPair();
      await stack.script("before_update/no", only(refused));
      await releaseBoth();
      const ends = await update(stack);
      assert.deepEqual(ends, { vpn: "updated", child: "updated", [refused]: "refused" });
      await assertPair({ vpn: "2", child: "2", [refused]: "1" });
    });
  }

  for (const version of firstUnlessFull(["1", "2"]))
    it(`keep each a reference of its own when one moves to another tag; the child is version ${version}`, async () => {
      const image = `apps/moves-${version}`;
      const { reference } = await pushApp(image, "1", { env: ["VERSION=1"] });
      await using stack = await deployPair({ env: { LATEST_ONLY: "true" }, reference });
      await release(image, "2");
      if (version === "2") await release("apps/child", "2", { cmd: CMD });
      assert.deepEqual(await update(stack), {
        vpn: "updated",
        ...(version === "2" && { child: "updated" }),
      });
      const references = ["vpn", "child"].map(
        async (name) => (await h1.docker.getContainer(name).inspect()).Config.Image,
      );
      assert.deepEqual(await Promise.all(references), [
        `registry.lab:5000/${image}:latest`,
        "registry.lab:5000/apps/child:latest",
      ]);
      await assertPair({ vpn: "2", child: version });
    });
});

interface Pair {
  readonly env?: Record<string, string>;
  /** Whose next image does not work. */
  readonly bad?: string;
  /** vpn's image, where it is not to be made. */
  readonly reference?: string;
}

/** child lives in vpn's network. */
async function deployPair({ env = {}, bad, reference }: Pair = {}): Promise<Stack> {
  const labels = (name: string) => ({ ...(name === bad && { Labels: LONG_SETTLE_TIME }) });
  const vpn = await (reference === undefined
    ? deploy(h1, "vpn", { create: labels("vpn") })
    : run("vpn", reference));
  await deploy(h1, "child", {
    imageOptions: { cmd: CMD },
    create: {
      HostConfig: { NetworkMode: `container:${vpn}`, RestartPolicy: { Name: "always" } },
      ...labels("child"),
    },
  });
  const stack = await startStack({ engine: h1, env: { SETTLE_TIME: "2s", ...env } });
  await stack.check();
  return stack;
}

async function run(name: string, Image: string): Promise<string> {
  await pull(h1, Image);
  const container = await h1.docker.createContainer({ name, Image });
  await container.start();
  return container.id;
}

async function releaseBoth(
  child: { readonly cmd: readonly string[] | string } = { cmd: CMD },
): Promise<void> {
  await release("apps/vpn", "2");
  await release("apps/child", "2", child);
}

const only = (refused: string): string => `#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != ${refused} ]\n`;

const ids = (...names: string[]): Promise<string[]> =>
  Promise.all((names.length > 0 ? names : ["vpn", "child"]).map((name) => idOf(h1, name)));

/** What the journal says that each was replaced by: once. */
const swappedTo = ({ records }: Stack): Record<string, string[]> =>
  Object.fromEntries(
    ["vpn", "child"].map((name) => [
      name,
      records.flatMap((record) =>
        record.kind === "swapping" && record.container === name ? [record.new_id] : [],
      ),
    ]),
  );

async function assertPair(versions: Record<string, string>): Promise<void> {
  assert.deepEqual(await overview(h1), [
    `child running ${versions["child"]}`,
    `vpn running ${versions["vpn"]}`,
  ]);
  const child = await h1.docker.getContainer("child").inspect();
  assert.equal(child.HostConfig.NetworkMode, `container:${await idOf(h1, "vpn")}`);
  assert.equal(child.HostConfig.RestartPolicy?.Name, "always");
  await h1.docker.getContainer("child").restart({ t: 1 });
  await assertLeft(h1, [], (thing) => thing.includes("ouroboros"));
}
