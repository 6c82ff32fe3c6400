// The counts of updates, as `ouroboros status` shows them.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "mocha";
import { Status } from "../../cli/output/output-schemas.ts";
import { engine } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { deploy, release } from "../support/containers.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

describe("the counts of updates", () => {
  it("are kept across restarts where SAVE_COUNTERS says so", async () => {
    await using h1 = engine(1);
    await deploy(h1, "web");
    await using stack = await startStack({
      engine: h1,
      services: SEPARATE_PROCESSES,
      env: { SAVE_COUNTERS: "true" },
    });
    await updated(stack, "2", 1);
    const first = await counted(stack, 1);
    assert.deepEqual(first?.containers, { web: 1 });
    await restarted(stack);
    assert.deepEqual(await counted(stack, 1), first);
    await updated(stack, "3", 2);
    assert.deepEqual(await counted(stack, 2), { ...first, all: 2, containers: { web: 2 } });
    const { out } = await runOperatorCommand({ NATS_URL: stack.server.url }, ["status"]);
    assert.match(out, /^HOST .* UPDATES +PENDING +HELD$/m);
    assert.match(out, /^h1 .* 1 updated, .* +2 +0 +0$/m);
    await writeFile(join(stack.folder, "data/counters/h1.json"), "{");
    await restarted(stack);
    await counted(stack, 0);
    assert.match(stack.services.updater?.log() ?? "", /counters begin anew/);
  });

  itInFullRun("begin anew with the updater's process without it", async () => {
    await using h1 = engine(1);
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await updated(stack, "2", 1);
    await counted(stack, 1);
    await restarted(stack);
    await counted(stack, 0);
  });
});

async function updated(stack: Stack, version: string, nth: number): Promise<void> {
  await release("apps/web", version);
  await stack.check();
  assert.equal((await stack.awaitResult("web", { nth })).end, "updated");
  await until(
    "the run is over",
    () => stack.records.filter(({ kind }) => kind === "finished").length === nth,
  );
}

async function restarted(stack: Stack): Promise<void> {
  stack.services.updater?.kill("SIGTERM");
  assert.equal(await stack.services.updater?.exited, 0);
  stack.start("updater");
}

/** Waits until the updater says so many. */
const counted = (stack: Stack, all: number) =>
  until(`${all} are counted`, async () => {
    const { out } = await runOperatorCommand({ NATS_URL: stack.server.url }, ["status", "-o", "json"]);
    const updates = Status.parse(JSON.parse(out)).hosts[0]?.updates;
    return updates?.all === all ? updates : undefined;
  });
