// What `docker compose up` may do while a successor waits beside the running old container for its turn.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "mocha";
import { type Engine, engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { awaitResults, requestPlan } from "../support/runs.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

/** As compose names the instances of its services. */
const composed = (service: string) => ({
  "com.docker.compose.project": "shop",
  "com.docker.compose.service": service,
  "com.docker.compose.container-number": "1",
  "com.ouroboros.settle_time": "8s",
});

interface Waiting {
  readonly h1: Engine;
  /** The old container, and its successor beside it. */
  readonly name: string;
  readonly successor: string;
  /** Resolves when the updater comes to it. */
  readonly turn: () => Promise<unknown>;
}

/** `act`: what is done to the one that waits. Resolves with how its update ended, and what there is then. */
async function whileItWaits(act: (waiting: Waiting) => Promise<unknown>): Promise<string[]> {
  await using h1 = engine(1);
  const names = ["one", "two"];
  for (const name of names) await deploy(h1, name, { create: { Labels: composed(name) } });
  await using stack = await startStack({ engine: h1 });
  await stack.check();
  for (const name of names) await release(`apps/${name}`, "2");
  const run = await requestPlan(stack);
  const successor = await until("one is proved, and the other waits", async () => {
    const found = (await overview(h1)).map((line) => line.split(" ")[0] ?? "");
    const isSwapped = found.some((name) => name.includes(".ouroboros-old-"));
    return isSwapped && found.find((name) => name.includes(".ouroboros-new-"));
  });
  const name = successor.split(".")[0] ?? "";
  const turn = () =>
    until("the updater comes to it", () => stack.records.some((record) => record.kind === "swapped"));
  await act({ h1, name, successor, turn });
  const ends = await awaitResults(stack, run);
  const here = (await overview(h1)).filter((line) => line.includes(name));
  return [ends[name] ?? "none", ...here.map((line) => line.replaceAll(name, "NAME"))];
}

describe("a successor that waits while somebody removes the old container", () => {
  it("takes its name where they start it, as compose does", async () => {
    const seen = await whileItWaits(async ({ h1, name, successor, turn }) => {
      await h1.docker.getContainer(name).remove({ force: true });
      await turn();
      await h1.docker.getContainer(successor).start();
    });
    assert.deepEqual(seen, ["expired", "NAME running 2"]);
  });

  itInFullRun("goes where they do not, as they removed the container", async () => {
    const seen = await whileItWaits(({ h1, name }) => h1.docker.getContainer(name).remove({ force: true }));
    assert.deepEqual(seen, ["expired"]);
  });

  itInFullRun("takes its name where the old one is stopped first, and removed a moment later", async () => {
    const seen = await whileItWaits(async ({ h1, name, successor, turn }) => {
      await h1.docker.getContainer(name).stop();
      await turn();
      await sleep(700);
      await h1.docker.getContainer(name).remove();
      await sleep(700);
      await h1.docker.getContainer(successor).start();
    });
    assert.deepEqual(seen, ["expired", "NAME running 2"]);
  });

  itInFullRun(
    "goes where they start it beside one of their own that has the name or the service",
    async () => {
      const seen = await whileItWaits(async ({ h1, name, successor, turn }) => {
        const { Config } = await h1.docker.getContainer(name).inspect();
        const theirs = await h1.docker.createContainer({ ...Config, name: `0123_${name}` });
        await h1.docker.getContainer(name).remove({ force: true });
        await h1.docker.getContainer(successor).start();
        await turn();
        await sleep(500);
        await theirs.rename({ name });
        await theirs.start();
      });
      assert.deepEqual(seen, ["expired", "NAME running 1"]);
    },
  );
});
