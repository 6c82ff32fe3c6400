// A container that could not be put back: once what stood in the way is gone, the operator has it put right.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { after, before, describe, it } from "mocha";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { RepairResult } from "../../cli/output/output-schemas.ts";
import { backupName } from "../../shared/containers/swap-names.ts";
import { engine } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { assertLeft, deploy, idOf, overview, release } from "../support/containers.ts";
import { update } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);

describe("ouroboros repair", () => {
  let stack: Stack;
  let folder: string;
  let old: string;
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: stack.server.url }, words);
  const repair = async (...words: string[]) => {
    const { code, out } = await run("repair", ...words, "-o", "json");
    return { code, answers: RepairResult.array().parse(JSON.parse(out)) };
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mounted-"));
    const mount = { Type: "bind", Source: folder, Target: "/data" } as const;
    const create = { HostConfig: { Mounts: [mount], RestartPolicy: { Name: "always" } } };
    old = await deploy(h1, "web", { create });
    stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
    await stack.check();
    await stack.script("after_update/10-spoil", `#!/bin/sh\nrmdir ${folder}\nexit 1\n`);
    await release("apps/web", "2");
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
    await rm(folder, { recursive: true, force: true });
  });

  it("says that there is nothing to repair where there is nothing", async () => {
    const { code, out, err } = await run("repair");
    assert.deepEqual([code, out, err], [0, "h1: nothing to repair\n", ""]);
  });

  it("is what the end `stuck` speaks of", async () => {
    assert.deepEqual(await update(stack), { web: "stuck" });
    const { because } = await stack.awaitResult("web");
    assert.match(because, /`ouroboros repair web` puts it right\. By hand: /);
    assert.ok(!(await overview(h1)).includes("web running 1"));
    const { code, out } = await run("status", "--trouble");
    assert.equal(code, 1);
    assert.match(
      out,
      /^web on h1: an update left it stuck: .*`ouroboros repair web --host h1`\n1 host, in trouble; Ouroboros 2\S+\n$/,
    );
  });

  it("says that a person is needed as long as what stands in the way is there", async () => {
    const { code, answers } = await repair("web");
    assert.equal(code, 2);
    const [{ container, end, because } = { container: "", end: "", because: "" }] =
      answers[0]?.restored ?? [];
    assert.deepEqual([container, end], ["web", "stuck"]);
    assert.match(because, /bind source path does not exist.*By hand: /s);
  });

  it("puts the old container back once that is gone, and leaves nothing beside it", async () => {
    await mkdir(folder);
    const { code, out, err } = await run("repair", "web", "--host", stack.host);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(
      out,
      /^HOST +CONTAINER +END +BECAUSE\nh1 +web +rolled_back +.*the old container was put back\n$/,
    );
    assert.equal(await idOf(h1, "web"), old);
    assert.deepEqual(await overview(h1), ["web running 1"]);
    await assertLeft(h1, ["h1: container /web"]);
    const { HostConfig } = await h1.docker.getContainer("web").inspect();
    assert.equal(HostConfig.RestartPolicy?.Name, "always");
    const { out: trouble } = await run("status", "--trouble");
    assert.match(trouble, /^web on h1: its update was rolled back; held until the tag changes\n1 host, /);
    const told = await until("the end is told", () =>
      stack.notices.find(
        ({ type, data }) => type.includes("update_finished") && data["end"] === "rolled_back",
      ),
    );
    assert.equal(told.subject, "web");
    const kept = subjects.hook({ host: "h1", hook: "update_finished", container: "web", event: told.id });
    const message = await getLastMessage(await jetstreamManager(stack.nats), STREAMS.hooks, kept);
    assert.equal(message?.json<typeof told>().data["end"], "rolled_back", "who comes later hears it, too");
    assert.deepEqual((await repair()).answers, [{ host: "h1", state: "repaired", restored: [] }]);
  });

  itInFullRun("sees a backup too that is alone and cannot be started", async () => {
    const web = h1.docker.getContainer(old);
    await web.stop();
    await web.rename({ name: backupName("web", "0abc") });
    await rm(folder, { recursive: true });
    const { code, answers } = await repair();
    assert.deepEqual([code, answers[0]?.restored[0]?.end], [2, "stuck"]);
    await mkdir(folder);
    assert.equal((await repair()).answers[0]?.restored[0]?.end, "rolled_back");
    assert.deepEqual(await overview(h1), ["web running 1"]);
  });

  it("waits for no run that is under way, and names it", async () => {
    await stack.script(
      "before_update/10-long",
      `#!/bin/sh\nuntil [ -e ${stack.folder}/on ]; do sleep 0.1; done\n`,
    );
    await rm(join(stack.folder, "hooks/after_update"), { recursive: true });
    await release("apps/web", "3");
    const running = update(stack);
    await until(
      "it is asked about",
      () => stack.heard().filter((one) => one === "before_update web").length === 2,
    );
    const { code, err } = await run("repair");
    assert.equal(code, 1);
    assert.match(err, /^ouroboros repair: h1: run \w+ is under way\n$/);
    await stack.script("../on", "");
    assert.deepEqual(await running, { web: "updated" });
  });

  it("says so where no updater acts", async () => {
    const { updater } = stack.services;
    updater?.kill("SIGTERM");
    await updater?.exited;
    const { code, err } = await run("repair");
    assert.deepEqual([code, err], [1, "ouroboros repair: h1: no updater acts on it\n"]);
  });
});
