// A program that ends by itself leaves nothing half done behind, and says so where it must.
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { createInstance, lastLine } from "../support/ouroboros-instance.ts";
import { type Process, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull, itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);
/** Takes so many seconds to stop. */
const slow = (seconds: number): string =>
  `trap 'sleep ${seconds}; exit 0' TERM; httpd -f -p 8080 -h /www & while :; do sleep 0.1; done`;

/** `web` runs and version 2 is due. */
async function due(seconds = 3): Promise<void> {
  const imageOptions = { cmd: slow(seconds) };
  await deploy(h1, "web", {
    imageOptions,
    create: { HostConfig: { RestartPolicy: { Name: "unless-stopped" } } },
  });
  await release("apps/web", "2");
}

const names = async (): Promise<string[]> =>
  (await h1.docker.listContainers({ all: true })).map(({ Names: [name = ""] }) => name.slice(1));
const successorIsMade = async (): Promise<boolean> =>
  (await names()).some((name) => name.includes("ouroboros-new"));

/** `ms` milliseconds after it made the successor. */
async function killed(program: Process, ms: number): Promise<void> {
  await until("the successor is made", successorIsMade);
  await sleep(ms);
  program.kill("SIGKILL");
  await program.exited;
}

/** Milliseconds after the successor was made: the stop goes on for three seconds. */
const moments = firstUnlessFull([2900, 500, 3300]);

describe("RUN_ONCE after a RUN_ONCE that was killed", () => {
  afterEach(() => h1.clean());

  for (const ms of moments)
    it(`finishes its run, killed ${ms} ms after the successor was made, and the scripts of what is over`, async () => {
      await due();
      await using one = await createInstance();
      const folder = join(one.dataDir, "hooks/run_finished");
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "note"), `#!/bin/sh\nsleep 1\ncat > ${folder}/ended\n`, { mode: 0o755 });
      const hooks = { HOOK_EXECUTOR: "on", HOOKS_DIR: join(one.dataDir, "hooks") };
      await killed(one.start(hooks), ms);
      const second = one.start(hooks);
      assert.equal(await second.exited, 0, second.log());
      assert.deepEqual(await overview(h1), ["web running 2"]);
      assert.match(await readFile(join(folder, "ended"), "utf8").catch(second.log), /"end":"updated"/);
      const third = one.start();
      assert.equal(await third.exited, 0, third.log());
      assert.deepEqual(await overview(h1), ["web running 2"]);
    });

  itInFullRun("finishes it also where the private NATS has lost everything", async () => {
    await due();
    await using one = await createInstance();
    await killed(one.start(), 500);
    await using other = await createInstance();
    const second = other.start();
    assert.equal(await second.exited, 0, second.log());
    assert.deepEqual(await overview(h1), ["web running 2"]);
  });

  for (const setting of firstUnlessFull(["MONITOR_ONLY", "DRY_RUN"] as const))
    it(`with ${setting} puts it right and begins nothing`, async () => {
      await due();
      await using one = await createInstance();
      await killed(one.start(), 500);
      const second = one.start({ [setting]: "true" });
      assert.equal(await second.exited, 0, second.log());
      assert.deepEqual(await overview(h1), ["web running 1"]);
    });

  itInFullRun(
    "with a NATS of one's own and separate services waits for the updater to finish it",
    async () => {
      await due();
      await using stack = await startStack({ engine: h1, services: ["updater", "hook-executor"] });
      const poller = stack.start("poller", { env: { RUN_ONCE: "true" } });
      await until("the successor is made", successorIsMade);
      stack.services.updater?.kill("SIGKILL");
      poller.kill("SIGKILL");
      await stack.services.updater?.exited;
      const again = stack.start("poller", { env: { RUN_ONCE: "true" } });
      await until("it says what it waits for", () => again.log().includes("and no updater answers"));
      stack.start("updater");
      assert.equal(await again.exited, 0, again.log());
      assert.deepEqual(await overview(h1), ["web running 2"]);
    },
  );
});

describe("RUN_ONCE that cannot finish", () => {
  afterEach(() => h1.clean());

  it("ends with 3 where it is stopped, and the next one finishes its run", async () => {
    await due();
    await using one = await createInstance({ STOP_GRACE: "1s" });
    const first = one.start();
    await until("the successor is made", successorIsMade);
    await sleep(500);
    first.kill("SIGTERM");
    assert.equal(await first.exited, 3, first.log());
    const second = one.start();
    assert.equal(await second.exited, 0, second.log());
    assert.deepEqual(await overview(h1), ["web running 2"]);
  });

  it("ends with 3 where its time is up, and its last line says what it waited for", async () => {
    await due(0);
    await using stack = await startStack({ engine: h1, services: [] }); // its folder of hooks, its NATS
    await stack.script("before_update/slow", "#!/bin/sh\nsleep 30\n");
    await using one = await createInstance({ NATS_URL: stack.server.url, RUN_ONCE_TIMEOUT: "4s" });
    const first = one.start({ HOOK_EXECUTOR: "on", HOOKS_DIR: join(stack.folder, "hooks") });
    assert.equal(await first.exited, 3, first.log());
    const { level, waiting_for: waitingFor } = lastLine(first);
    assert.match(JSON.stringify(waitingFor), /the updater of h1 to finish run/, first.log());
    assert.equal(level, "error");
    assert.deepEqual(await overview(h1), ["web running 1"]);
  });

  itInFullRun("ends with 3 where NATS is away all the time", async () => {
    await using one = await createInstance({ NATS_URL: "nats://127.0.0.1:9", RUN_ONCE_TIMEOUT: "2s" });
    const first = one.start();
    assert.equal(await first.exited, 3, first.log());
    assert.match(JSON.stringify(lastLine(first)["waiting_for"]), /NATS.*not connected/);
  });
});
