// What `docker compose up` may do while a successor waits beside the running old container for its turn.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { awaitResults, requestPlan } from "../support/runs.ts";
import { startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

/** As compose names the instances of its services. */
const composed = (service: string) => ({
  "com.docker.compose.project": "shop",
  "com.docker.compose.service": service,
  "com.docker.compose.container-number": "1",
  "com.ouroboros.settle_time": "4s",
});

describe("a successor that waits while somebody removes the old container", () => {
  it("takes its name where they start it, as compose does; else it goes, as they removed the container", async () => {
    await using h1 = engine(1);
    const names = ["one", "two", "three"];
    for (const name of names) await deploy(h1, name, { create: { Labels: composed(name) } });
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    for (const name of names) await release(`apps/${name}`, "2");
    const run = await requestPlan(stack);
    const successors = await until("one is proved, and two wait", async () => {
      const found = (await overview(h1)).map((line) => line.split(" ")[0] ?? "");
      const waiting = found.filter((name) => name.includes(".ouroboros-new-"));
      return found.some((name) => name.includes(".ouroboros-old-")) && waiting.length === 2 && waiting;
    });
    const [kept = "", removed = ""] = successors.map((name) => name.split(".")[0]);
    for (const name of [kept, removed]) await h1.docker.getContainer(name).remove({ force: true });
    const adopted = successors[0] ?? "";
    await until("the updater has found it removed", () =>
      stack.records.some((record) => record.kind === "swapped"),
    );
    await h1.docker.getContainer(adopted).start();
    const ends = await awaitResults(stack, run);
    assert.deepEqual([ends[kept], ends[removed]], ["expired", "expired"]);
    const left = names.filter((name) => name !== removed).sort();
    await until("nothing waits", async () => (await overview(h1)).length === left.length);
    assert.deepEqual(
      await overview(h1),
      left.map((name) => `${name} running 2`),
    );
  });
});
