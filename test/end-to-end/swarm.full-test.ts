// What the short story of swarm.test.ts leaves out: kills at each step, changes meanwhile, private registries, several
// managers, quorum, `also`, the other modes, `ouroboros rollback`.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "mocha";
import { makeCommandBody } from "../../shared/contract/messages.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { bedCommand, engine, hubControl, pushApp } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { type Swarm, formSwarm } from "../support/swarm.ts";
import { until } from "../support/until.ts";
import { testProgram } from "../support/test-programs.ts";

const dyingUpdater = testProgram("crashing-updater");
const [h1, h3] = [engine(1), engine(3)];
const SWARM = { SWARM: "true" };

const isOver = (stack: Stack, nth = 1): Promise<true> =>
  until("the run is over", () => stack.records.filter(({ kind }) => kind === "finished").length >= nth);

const request = async (stack: Stack, kind: "update" | "rollback", container: string): Promise<string> => {
  const subject = subjects.command(stack.host, "poller", kind);
  const body = makeCommandBody(kind, { container });
  const answer = await stack.nats.request(subject, body, { timeout: 30_000 });
  return answer.json<{ kind: string }>().kind;
};

describe("a service whose updater is killed", () => {
  let swarm: Swarm;
  before(async () => (swarm = await formSwarm([h1])));
  after(() => swarm[Symbol.asyncDispose]());

  const moments: readonly (readonly [string, string, "updated" | "rolled_back", object])[] = [
    ["before the update is sent", "record applying web-\\d+", "updated", {}],
    ["right after it was sent", "POST /services/[^/]+/update\\?version=\\d+", "updated", {}],
    ["when the tasks have proved it", "record did web-\\d+", "updated", {}],
    ["before after_service_update is decided", "record waiting after_service_update web-\\d+", "updated", {}],
    ["when a rollback is recorded", "record reverting web-\\d+", "rolled_back", { cmd: "exit 7" }],
    [
      "when a rollback was sent",
      "POST /services/[^/]+/update\\?.*rollback=previous.*",
      "rolled_back",
      { cmd: "exit 7" },
    ],
  ];
  for (const [n, [when, moment, end, image]] of moments.entries())
    it(`${when} is ${end} once, and the reason is kept`, async () => {
      const name = `web-${n}`;
      const old = await swarm.deploy(name);
      await using stack = await startStack({ engine: h1, services: ["hook-executor", "poller"], env: SWARM });
      await stack.script("after_service_update/10-yes", "#!/bin/sh\n");
      const dying = stack.start("updater", {
        program: dyingUpdater,
        env: { DIE_AT: JSON.stringify([moment]) },
      });
      const { digest } = await release(`apps/${name}`, "2", image);
      await stack.check();
      assert.equal(await dying.exited, "SIGKILL");
      stack.start("updater");
      const result = await stack.awaitResult(name);
      assert.equal(result.end, end, result.because);
      if (end === "rolled_back") assert.match(result.because, /non-zero exit \(7\)/);
      await isOver(stack);
      assert.deepEqual(await swarm.running(name), [end === "updated" ? digest : old]);
      const ends = stack.records.filter((record) => record.kind === "ended" && record.container === name);
      assert.equal(ends.length, 1);
      await h1.docker.getService(name).remove();
    });
});

/** For the update of web, for five seconds. */
async function untilGateWaits(stack: Stack): Promise<void> {
  await stack.script("before_service_update/10-slow", "#!/bin/sh\nsleep 5\n");
  await release("apps/web", "2");
  await stack.check();
  await until("the gate waits", () => stack.heard().includes("before_service_update web"));
}

describe("a service of a swarm", () => {
  let swarm: Swarm;
  before(async () => (swarm = await formSwarm([h1, h3])));
  after(() => swarm[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const { ID } of await h1.docker.listServices()) await h1.docker.getService(ID).remove();
  });

  it("that somebody changes while the gate waits keeps that change, and is updated", async () => {
    await swarm.deploy("web");
    await using stack = await startStack({ engine: h1, env: SWARM });
    await untilGateWaits(stack);
    const { Version, Spec } = await swarm.serviceOf("web");
    const labels = { ...Spec.Labels, mine: "yes" };
    await h1.docker
      .getService("web")
      .update({ _query: { version: Version.Index }, _body: { ...Spec, Labels: labels } });
    await stack.expectResult("web", "updated");
    assert.equal((await swarm.serviceOf("web")).Spec.Labels?.["mine"], "yes");
  });

  it("whose owner gives it another image while the gate waits is left to them", async () => {
    await swarm.deploy("web");
    await using stack = await startStack({ engine: h1, env: SWARM });
    await untilGateWaits(stack);
    const other = await pushApp("apps/other", "1");
    const { Version, Spec } = await swarm.serviceOf("web");
    const TaskTemplate = {
      ...Spec.TaskTemplate,
      ContainerSpec: { ...Spec.TaskTemplate.ContainerSpec, Image: `${other.reference}@${other.digest}` },
    };
    await h1.docker
      .getService("web")
      .update({ _query: { version: Version.Index }, _body: { ...Spec, TaskTemplate } });
    await stack.expectResult("web", "expired");
    assert.equal(await swarm.digestOf("web"), other.digest);
  });

  it("whose own failure action is rollback is rolled back by the Engine, with the reason", async () => {
    const old = await swarm.deploy("web", { update: { FailureAction: "rollback" } });
    await using stack = await startStack({ engine: h1, env: SWARM });
    await release("apps/web", "2", { cmd: "exit 7" });
    await stack.check();
    const { end, because } = await stack.awaitResult("web");
    assert.equal(end, "rolled_back");
    assert.match(because, /rolled back due to failure/);
    assert.equal(await swarm.digestOf("web"), old);
  });

  it("with the failure action continue is rolled back where its tasks do not run", async () => {
    const old = await swarm.deploy("web", { update: { FailureAction: "continue" } });
    await using stack = await startStack({ engine: h1, env: SWARM });
    await release("apps/web", "2", { cmd: "exit 7" });
    await stack.check();
    const { end, because } = await stack.awaitResult("web", { within: 120_000 });
    assert.equal(end, "rolled_back");
    assert.match(because, /of 1 tasks run with the new image/);
    assert.equal(await swarm.digestOf("web"), old);
  });

  it("that no node has room for is rolled back after HEALTH_TIMEOUT", async () => {
    const old = await swarm.deploy("web");
    await using stack = await startStack({ engine: h1, env: { ...SWARM, HEALTH_TIMEOUT: "5s" } });
    await release("apps/web", "2", { platforms: ["linux/s390x"] });
    await stack.check();
    const { end, because } = await stack.awaitResult("web", { within: 300_000 });
    assert.equal(end, "rolled_back", because);
    assert.match(because, /no task has changed for .* s: its tasks are pending; no suitable node/);
    assert.equal(await swarm.digestOf("web"), old);
  });

  it("of a private registry is pulled with our credentials on a node that has none", async () => {
    const image = "ghcr.io/private/web";
    await using _users = await hubControl.users({ ann: "secret" });
    const { reference, digest } = await pushApp(image, "1", { env: ["VERSION=1"] });
    const spec = {
      Name: "web",
      Labels: { "com.ouroboros.enable": "true" },
      TaskTemplate: {
        ContainerSpec: { Image: `${reference}@${digest}` },
        Placement: { Constraints: ["node.role == worker"] },
      },
      Mode: { Replicated: { Replicas: 1 } },
      UpdateConfig: { Parallelism: 1, Monitor: 1e9 },
    };
    const authconfig = { username: "ann", password: "secret", serveraddress: "ghcr.io" };
    await h1.docker.createService(authconfig, spec as never);
    await until("web runs", async () => (await swarm.running("web")).length === 1);
    const env = { ...SWARM, REPO_USER: "ann", REPO_PASS: "secret", REPO_REGISTRY: "ghcr.io" };
    await using stack = await startStack({ engine: h1, env });
    const next = await pushApp(image, "1", { env: ["VERSION=2"] });
    await stack.check();
    await stack.expectResult("web", "updated");
    assert.deepEqual(await swarm.running("web"), [next.digest]);
  });

  it("is told of only, in monitor mode and in a dry run", async () => {
    const old = await swarm.deploy("web");
    await release("apps/web", "2");
    for (const [setting, hook] of [
      ["MONITOR_ONLY", "notify_update"],
      ["DRY_RUN", "dry_run_update"],
    ] as const) {
      await using stack = await startStack({ engine: h1, env: { ...SWARM, [setting]: "true" } });
      await until(`${hook} is heard`, () => stack.heard().includes(`${hook} web`));
      const data = stack.events.find((seen) => seen.hook === hook)?.event.data ?? {};
      assert.equal((data["service"] as { name: string }).name, "web");
      assert.equal("container" in data, false);
      await isOver(stack);
    }
    assert.equal(await swarm.digestOf("web"), old);
  });

  it("goes back by `ouroboros rollback`, and forward by `ouroboros update`", async () => {
    const old = await swarm.deploy("web");
    await using stack = await startStack({ engine: h1, env: SWARM });
    const { digest } = await release("apps/web", "2");
    await stack.check();
    await stack.expectResult("web", "updated");
    await isOver(stack);
    assert.equal(await request(stack, "rollback", "web"), "begun");
    await stack.awaitResult("web", { nth: 2 });
    assert.deepEqual(await swarm.running("web"), [old]);
    await isOver(stack, 2);
    const { outcome } = await stack.check();
    assert.deepEqual(outcome, { kind: "nothing due" }, "what was left is held");
    assert.equal(await request(stack, "update", "web"), "begun");
    await stack.awaitResult("web", { nth: 3 });
    assert.deepEqual(await swarm.running("web"), [digest]);
  });

  it("comes before those that its depends_on label names", async () => {
    await swarm.deploy("app");
    await swarm.deploy("db", { labels: { "com.ouroboros.depends_on": "app" } });
    await using stack = await startStack({ engine: h1, env: SWARM });
    for (const name of ["app", "db"]) await release(`apps/${name}`, "2");
    await stack.check();
    await stack.expectResult("app", "updated");
    const order = stack.records.flatMap((record) => (record.kind === "applying" ? [record.container] : []));
    assert.deepEqual(order, ["db", "app"]);
  });

  it("is updated beside a plain container, with SWARM=also; of the same name it is left alone", async () => {
    await swarm.deploy("web");
    await swarm.deploy("cache");
    await deploy(h1, "cache", { image: "apps/plain" });
    await using stack = await startStack({ engine: h1, env: { SWARM: "also" } });
    await stack.check();
    for (const name of ["web", "cache", "plain"]) await release(`apps/${name}`, "2");
    const report = (await stack.check()) as { left: { container: string; because: string }[] };
    await stack.expectResult("web", "updated");
    await stack.expectResult("cache", "updated");
    assert.ok((await overview(h1)).includes("cache running 2"));
    assert.match(
      report.left.find(({ container }) => container === "cache")?.because ?? "",
      /a container of this host has the same name/,
    );
    await h1.docker.getContainer("cache").remove({ force: true });
  });
});

describe("several managers", () => {
  it("have the leader act, and the next one when that is demoted; without a quorum nobody", async () => {
    await using swarm = await formSwarm([h1, h3], "Manager");
    await swarm.deploy("web");
    await using first = await startStack({ engine: h1, env: SWARM });
    await using second = await startStack({ engine: h3, env: SWARM });
    await release("apps/web", "2");
    const idle = (await second.check()) as { swarm: { because: string; isWrong: boolean }; outcome: object };
    assert.match(idle.swarm.because, /^another manager leads the swarm/);
    assert.equal(idle.swarm.isWrong, false);
    await first.check();
    await first.expectResult("web", "updated");
    const { Swarm: info } = (await h1.docker.info()) as { Swarm: { NodeID: string } };
    const node = (await h3.docker.getNode(info.NodeID).inspect()) as {
      Version: { Index: number };
      Spec: object;
    };
    const demote = { _query: { version: node.Version.Index }, _body: { ...node.Spec, Role: "worker" } };
    await h3.docker.getNode(info.NodeID).update(demote);
    await until("the other leads", async () => {
      const { swarm: note } = (await second.check()) as { swarm?: object };
      return note === undefined;
    });
    const demoted = (await first.check()) as { swarm: { because: string } };
    assert.match(demoted.swarm.because, /this node is a worker/);
    const { digest } = await release("apps/web", "3");
    await second.check();
    await second.expectResult("web", "updated");
    const { Spec } = (await h3.docker.getService("web").inspect()) as {
      Spec: { TaskTemplate: { ContainerSpec: { Image: string } } };
    };
    assert.ok(Spec.TaskTemplate.ContainerSpec.Image.endsWith(digest));
    await h1.docker.swarmLeave({ force: true });
    for (const { ID } of await h3.docker.listServices()) await h3.docker.getService(ID).remove();
  });

  it("that lost their quorum say so, and change nothing", async () => {
    await using _swarm = await formSwarm([h1, h3], "Manager");
    await using stack = await startStack({ engine: h1, env: SWARM, services: SEPARATE_PROCESSES });
    await stack.check();
    await bedCommand("kill", "3");
    try {
      await until("it is told", async () => {
        const { swarm: note } = (await stack.check()) as { swarm?: { because: string; isWrong: boolean } };
        return note?.isWrong === true && note.because.startsWith("the swarm does not answer");
      });
      assert.match(stack.services.poller?.log() ?? "", /"msg":"no service is looked at"/);
    } finally {
      await bedCommand("start", "3");
    }
  });
});
