import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { release } from "../support/containers.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { type ServiceOptions, type Swarm, formSwarm } from "../support/swarm.ts";
import { until } from "../support/until.ts";

const SERVICES = ["web", "refused", "failing", "kept"] as const;
/** A busy Engine may take its time to see that a task has failed. */
const WATCHED_LONG = { update: { Monitor: 20e9 } };
const OPTIONS: Partial<Record<(typeof SERVICES)[number], ServiceOptions>> = {
  web: { replicas: 2 },
  failing: WATCHED_LONG,
};
const COUNT_TASKS = join(
  import.meta.dirname,
  "../../../hooks/before_service_update/10-all-tasks-run.py.example",
);

/** One story, as a swarm takes its time: three services of two nodes have a new image at once. */
describe("services of a swarm, with SWARM=true", () => {
  let swarm: Swarm;
  let stack: Stack;
  const before1 = new Map<string, string>();
  const released = new Map<string, string>();

  before(async () => {
    swarm = await formSwarm([engine(1), engine(3)]);
    await Promise.all(
      SERVICES.map(async (name) => before1.set(name, await swarm.deploy(name, OPTIONS[name] ?? {}))),
    );
    before1.set("unlabelled", await swarm.deploy("unlabelled", { labels: { "com.ouroboros.enable": "no" } }));
    stack = await startStack({ engine: swarm.manager, env: { SWARM: "true", SWAPS: "3" } });
    await stack.script(
      "before_service_update/10-note.py",
      `import os
note = f"{service.name} {service.attrs['Spec']['Mode']['Replicated']['Replicas']} {new_image.tags[0]}"
if service.name == "web": open(os.environ["HOME"] + "/note", "w").write(note)
`,
    );
    await stack.script("before_service_update/20-count.py", await readFile(COUNT_TASKS, "utf8"));
    await stack.script(
      "before_service_update/30-no",
      '#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != kept ] || { echo "not today" >&2; exit 1; }\n',
    );
    await stack.script(
      "after_service_update/10-no",
      '#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != refused ] || { echo "too slow" >&2; exit 1; }\n',
    );
    await stack.check();
    for (const name of [...SERVICES, "unlabelled"]) {
      const { digest } = await release(`apps/${name}`, "2", name === "failing" ? { cmd: "exit 7" } : {});
      released.set(name, digest);
    }
    await stack.check();
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await swarm[Symbol.asyncDispose]();
  });

  it("updates a labelled service to image@digest, and asks before and after", async () => {
    await stack.expectResult("web", "updated");
    assert.deepEqual(
      stack.heard().filter((line) => line.endsWith(" web")),
      ["before_service_update web", "after_service_update web"],
    );
    const digest = released.get("web") ?? "";
    assert.deepEqual(await swarm.running("web"), [digest, digest]);
    const { Spec } = await swarm.serviceOf("web");
    assert.equal(Spec.TaskTemplate.ContainerSpec.Image, `registry.lab:5000/apps/web:latest@${digest}`);
    assert.equal(Spec.UpdateConfig?.Monitor, 1e9, "its UpdateConfig is kept");
  });

  it("does not touch a service that before_service_update refuses", async () => {
    const { end, because } = await stack.awaitResult("kept");
    assert.equal(end, "refused");
    assert.match(because, /not today/);
    assert.deepEqual(await swarm.running("kept"), [before1.get("kept")]);
    assert.equal((await swarm.serviceOf("kept")).PreviousSpec, undefined);
  });

  it("has the Engine roll back what after_service_update refuses", async () => {
    await stack.expectResult("refused", "rolled_back");
    assert.deepEqual(await swarm.running("refused"), [before1.get("refused")]);
    const { UpdateStatus } = await swarm.serviceOf("refused");
    assert.equal(UpdateStatus?.State, "rollback_completed");
  });

  it("has the Engine roll back an image whose tasks fail, and says how", async () => {
    const { end, because } = await stack.awaitResult("failing");
    assert.equal(end, "rolled_back");
    assert.match(because, /paused.*non-zero exit \(7\)/s);
    await until("the task of before runs", async () => {
      const running = await swarm.running("failing");
      return running.length === 1 && running[0] === before1.get("failing");
    });
  });

  it("leaves alone a service whose label says no, and plans nothing anew that was rolled back", async () => {
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    const report = (await stack.check()) as {
      left: { container: string; because: string }[];
      outcome: object;
    };
    const because = Object.fromEntries(report.left.map((left) => [left.container, left.because]));
    assert.equal(because["unlabelled"], "its label com.ouroboros.enable says no");
    assert.match(because["failing"] ?? "", /^held: /);
    assert.match(because["refused"] ?? "", /^held: refused at after_service_update: .*too slow/s);
    assert.equal(await swarm.digestOf("unlabelled"), before1.get("unlabelled"));
    assert.deepEqual(report.outcome, { kind: "nothing due" });
  });
});
