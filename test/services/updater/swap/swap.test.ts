import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import {
  type SagaOutcome,
  type StepObserver,
  runSteps,
  undoSteps,
} from "../../../../services/updater/swap/saga.ts";
import { describeManualFix } from "../../../../services/updater/swap/manual-fix.ts";
import { Semaphore } from "../../../../services/updater/semaphore.ts";
import { ContainerReferences } from "../../../../services/updater/containers/container-references.ts";
import { removeBackup } from "../../../../services/updater/swap/swap.ts";
import {
  type Swap,
  type SwapContext,
  type SwapStep,
  makeSwap,
} from "../../../../services/updater/swap/swap-state.ts";
import { backupName } from "../../../../shared/containers/swap-names.ts";
import { recreateSteps, swapSteps } from "../../../../services/updater/swap/swap-steps.ts";
import { systemClock } from "../../../../shared/clock.ts";
import { openEngine } from "../../../../shared/docker/engine.ts";
import { engine } from "../../../bed/bed.ts";
import { deploy, overview, pull, release } from "../../../support/containers.ts";
import { itInFullRun } from "../../../support/full-run.ts";

const h1 = engine(1);
const silent: StepObserver = {
  onBegin: () => undefined,
  onDone: () => undefined,
  onUndone: () => undefined,
  onTried: () => undefined,
  monotonic: () => performance.now(),
  shouldRetry: () => Promise.resolve(false),
};

/** Where the snapshots of a test are. */
let folder = "";

describe("swapping a container, on a real Engine", () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ouroboros-swap-"));
  });
  afterEach(async () => {
    await h1.clean();
    await rm(folder, { recursive: true });
  });

  it("leaves the new one under its name, and the old one stopped beside it until it is removed", async () => {
    const swap = await prepare();
    assert.deepEqual(await runSteps(swapSteps, swap, silent), { kind: "done" });
    const backup = backupName("web", "r1", swap.successor);
    assert.deepEqual(await overview(h1), ["web running 2", `${backup} exited 1`]);
    await removeBackup(swap);
    await removeBackup(swap);
    assert.deepEqual(await overview(h1), ["web running 2"]);
  });

  for (const broken of swapSteps) {
    it(`puts the same old container back when "${broken.name}" fails after doing its work`, async () => {
      const swap = await prepare();
      const outcome = await runSteps(swapSteps.map(breaking(broken)), swap, silent);
      assert.equal(outcome.kind, "undone");
      await assertAsBefore(swap);
    });

    if (broken.undo !== undefined) {
      itInFullRun(`can repeat the undo of "${broken.name}" (S2)`, async () => {
        const swap = await prepare();
        const twice = swapSteps.map(breaking(broken)).map((step) => ({
          ...step,
          undo: async (s: Swap) => (await step.undo?.(s), await step.undo?.(s)),
        }));
        assert.equal((await runSteps(twice, swap, silent)).kind, "undone");
        await assertAsBefore(swap);
      });
    }
  }

  it("makes the old container again, on its own image, when someone removed it meanwhile", async () => {
    const swap = await prepare();
    const steps: SwapStep[] = swapSteps.map((step) =>
      step.name !== "prove the successor"
        ? step
        : { ...step, do: async () => (await removeBackup(swap), Promise.reject(new Error("not proved"))) },
    );
    assert.equal((await runSteps(steps, swap, silent)).kind, "undone");
    assert.deepEqual(await overview(h1), ["web running 1"]);
    const { Image, Config } = await h1.docker.getContainer("web").inspect();
    assert.deepEqual([Image, Config.Image], [swap.oldImage.Id, swap.old.Config.Image]);
    assert.equal(
      (await h1.docker.getImage(swap.old.Config.Image).inspect()).Id,
      swap.newImage.Id,
      "the tag is where it was",
    );
  });

  it("is stuck, and says so, when the old container cannot be started again", async () => {
    const swap = await prepare();
    const steps = swapSteps.map((step) => {
      if (step.name === "prove the successor")
        return { ...step, do: () => Promise.reject(new Error("not proved")) };
      return step.name === "stop the old container"
        ? { ...step, undo: () => Promise.reject(new Error("port taken")) }
        : step;
    });
    const outcome: SagaOutcome = await runSteps(steps, swap, silent);
    assert.deepEqual(outcome.kind === "stuck" && outcome.left.map(({ step }) => step), [
      "stop the old container",
    ]);
  });

  it("runs the successor in the place of an old container that is gone with its image", async () => {
    const swap = await prepare();
    assert.equal((await runSteps(swapSteps, swap, silent)).kind, "done");
    await h1.docker.getContainer(swap.old.Id).remove({ force: true });
    await h1.docker.getImage(swap.oldImage.Id).remove({ force: true });
    const left = await undoSteps(swapSteps, swap, silent);
    assert.deepEqual(
      left.map(({ step }) => step),
      ["stop the old container"],
    );
    assert.deepEqual(await overview(h1), ["web running 2"]);
    const cause = left[0]?.error;
    assert.match(
      describeManualFix(swap, { failed: "prove the successor", cause, left }),
      /the new container runs as web/,
    );
  });
});

async function prepare(): Promise<Swap> {
  await deploy(h1, "web", { create: { HostConfig: { RestartPolicy: { Name: "always" } } } });
  const { reference } = await release("apps/web", "2");
  await pull(h1, reference);
  const old = await h1.docker.getContainer("web").inspect();
  const verification = { healthTimeout: undefined, hardStop: new AbortController().signal };
  const context: SwapContext = {
    engine: await openEngine(`unix://${h1.socket}`, 60_000),
    clock: systemClock,
    snapshotStore: { settings: { DATA_DIR: folder }, host: h1 },
    run: "r1",
    verificationFor: () => ({ ...verification, settleTime: 0 }),
    replaced: new Map(),
    tagSemaphore: new Semaphore(1),
    fetchImage: () => Promise.reject(new Error("nothing is to be pulled here")),
    references: new ContainerReferences(),
    recreateSteps,
    ran: new Set(),
  };
  return makeSwap(context, {
    name: "web",
    old,
    oldImage: await h1.docker.getImage(old.Image).inspect(),
    newImage: await h1.docker.getImage(reference).inspect(),
    verification: { ...verification, settleTime: 100 },
  });
}

const breaking =
  (broken: SwapStep) =>
  (step: SwapStep): SwapStep =>
    step !== broken
      ? step
      : { ...step, do: async (swap) => (await step.do(swap), Promise.reject(new Error("boom"))) };

async function assertAsBefore({ old }: Swap): Promise<void> {
  assert.deepEqual(await overview(h1), ["web running 1"]);
  const now = await h1.docker.getContainer("web").inspect();
  assert.equal(now.Id, old.Id);
  assert.deepEqual(now.HostConfig.RestartPolicy, old.HostConfig.RestartPolicy);
}
