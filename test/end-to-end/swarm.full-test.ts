// What the short story of swarm.test.ts leaves out: kills at each step, changes meanwhile, private registries, platforms,
// global services and jobs, `also`, the other modes, the commands, least rights. swarm-managers.full-test.ts has several
// managers, swarm-start-first.full-test.ts the measure that a service answers throughout.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "mocha";
import { engine, hubControl, pushApp } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { runOuroboros } from "../support/participants.ts";
import { rightsOf, startSocketProxy } from "../support/socket-proxy.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { type Swarm, formSwarm, setAvailability } from "../support/swarm.ts";
import { until } from "../support/until.ts";
import { testProgram } from "../support/test-programs.ts";

const dyingUpdater = testProgram("crashing-updater");
const [h1, h3] = [engine(1), engine(3)];
const SWARM = { SWARM: "true" };
/** A busy Engine may take its time to see that a task has failed. */
const WATCHED_LONG = { update: { Monitor: 20e9 } };

const isOver = (stack: Stack, nth = 1): Promise<true> =>
  until("the run is over", () => stack.records.filter(({ kind }) => kind === "finished").length >= nth);

/** Runs the command, which has to say so and to end with 0. */
async function expectSays(stack: Stack, args: readonly string[], says: RegExp): Promise<void> {
  const { code, out, err } = await runOuroboros(stack, ...args);
  assert.match(out, says, err);
  assert.equal(code, 0, err);
}

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
      const old = await swarm.deploy(name, end === "rolled_back" ? WATCHED_LONG : {});
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
    const old = await swarm.deploy("web", { update: { ...WATCHED_LONG.update, FailureAction: "rollback" } });
    await using stack = await startStack({ engine: h1, env: SWARM });
    await release("apps/web", "2", { cmd: "exit 7" });
    await stack.check();
    const { end, because } = await stack.awaitResult("web");
    assert.equal(end, "rolled_back");
    assert.match(because, /(?:rolled back due to failure|rollback completed).*; .*non-zero exit \(7\)/);
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
    assert.match(because, /no task has got further for .* s: its tasks are pending; no suitable node/);
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

  it("goes back by `ouroboros rollback`, and forward by `ouroboros update`; `check`, `explain` and `history` know it", async () => {
    const old = await swarm.deploy("web");
    await swarm.deploy("idle", { labels: { "com.ouroboros.enable": "no" } });
    await using stack = await startStack({ engine: h1, env: SWARM });
    await stack.check();
    const { digest } = await release("apps/web", "2");
    await expectSays(stack, ["check", "--fresh"], /newer +web on h1, registry\.lab:5000\/apps\/web:latest/);
    await expectSays(stack, ["explain", "idle"], /idle on h1.*\n.*its label com\.ouroboros\.enable says no/);
    const swarmDoes = /^web: is updated by the swarm$.*^web: updated /ms;
    await expectSays(stack, ["update", "web", "--wait"], swarmDoes);
    assert.deepEqual(await swarm.running("web"), [digest]);
    await isOver(stack);
    await expectSays(
      stack,
      ["rollback", "web", "--wait"],
      /^web: is updated by the swarm$.*^web: rolled back by the operator /ms,
    );
    assert.deepEqual(await swarm.running("web"), [old]);
    await isOver(stack, 2);
    const { outcome } = await stack.check();
    assert.deepEqual(outcome, { kind: "nothing due" }, "what was left is held");
    await expectSays(stack, ["explain", "web"], /held.*\n.*last run: +rolled back by the operator/s);
    await expectSays(stack, ["update", "web", "--wait"], swarmDoes);
    assert.deepEqual(await swarm.running("web"), [digest]);
    await expectSays(stack, ["history"], /web.*updated/);
    const lost = await runOuroboros(stack, "rollback", "wbe");
    assert.match(lost.err, /there is no such container/);
  });

  it("that is global is updated on each node; where no node can run the new image it goes back", async () => {
    const spec = { Mode: { Global: {} } };
    const old = await swarm.deploy("web", { spec });
    await until("it runs on both nodes", async () => (await swarm.running("web")).length === 2);
    await using stack = await startStack({ engine: h1, env: { ...SWARM, HEALTH_TIMEOUT: "5s" } });
    const { digest } = await release("apps/web", "2");
    await stack.check();
    await stack.expectResult("web", "updated");
    assert.deepEqual(await swarm.running("web"), [digest, digest]);
    await isOver(stack);
    await release("apps/web", "3", { platforms: ["linux/s390x"] });
    await stack.check();
    const { end, because } = await stack.awaitResult("web", { nth: 2, within: 300_000 });
    assert.equal(end, "rolled_back", because);
    await until("it runs on both nodes again", async () => {
      const running = await swarm.running("web");
      return running.length === 2 && running.every((one) => one === digest);
    });
    assert.notEqual(old, digest);
  });

  it("that is a job is left alone", async () => {
    const job = { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } };
    const old = await swarm.deploy("job", {
      imageOptions: { cmd: "true" },
      task: { RestartPolicy: { Condition: "none" } },
      spec: { Mode: job, UpdateConfig: undefined, RollbackConfig: undefined },
    });
    await using stack = await startStack({ engine: h1, env: SWARM });
    await release("apps/job", "2");
    const report = (await stack.check()) as { left: { container: string; because: string }[] };
    assert.deepEqual(
      report.left.map(({ container, because }) => `${container}: ${because}`),
      ["job: a job"],
    );
    assert.equal(await swarm.digestOf("job"), old);
  });

  it("is updated where only the image for another platform has changed, and its nodes may be of any platform", async () => {
    const platforms = ["linux/amd64", "linux/arm64/v8"];
    await swarm.deploy("web", { imageOptions: { platforms } });
    await using stack = await startStack({ engine: h1, env: SWARM });
    await stack.check();
    const { digest } = await release("apps/web", "1", { platforms: [...platforms, "linux/s390x"] });
    await stack.check();
    await stack.expectResult("web", "updated");
    assert.deepEqual(await swarm.running("web"), [digest]);
    const { Placement } = (await swarm.serviceOf("web")).Spec.TaskTemplate;
    const listed = (Placement?.["Platforms"] ?? []) as { Architecture: string; OS: string }[];
    assert.deepEqual(
      listed.map(({ Architecture, OS }) => `${OS}/${Architecture}`),
      ["linux/amd64", "linux/arm64", "linux/s390x"],
    );
  });

  it("is updated through proxies that let through what compose.socket-proxy.yaml names for a swarm, and no more", async () => {
    await swarm.deploy("web");
    await swarm.deploy("bad", WATCHED_LONG);
    await release("apps/web", "2");
    await release("apps/bad", "2", { cmd: "exit 7" });
    await using poller = await startSocketProxy(h1.socket, "poller-socket", true);
    await using updater = await startSocketProxy(h1.socket, "updater-socket", true);
    await using stack = await startStack({
      engine: h1,
      services: [],
      env: { ...SWARM, HOOK_EXECUTOR: "off", SWAPS: "2" },
    });
    stack.start("updater", { env: { DOCKER_SOCKETS: updater.url } });
    stack.start("poller", { env: { DOCKER_SOCKETS: poller.url } });
    await stack.expectResult("web", "updated");
    await stack.expectResult("bad", "rolled_back");
    await isOver(stack);
    assert.deepEqual([...poller.denied, ...updater.denied], []);
    for (const [proxy, service] of [
      [poller, "poller-socket"],
      [updater, "updater-socket"],
    ] as const) {
      const rights = (list: readonly { method: string; path: string }[]): string[] =>
        list.map(({ method, path }) => `${method} ${path}`);
      const without = rights(await rightsOf(service));
      const forSwarm = rights(await rightsOf(service, true)).filter((right) => !without.includes(right));
      assert.ok(forSwarm.length > 0);
      assert.deepEqual(
        forSwarm.filter((right) => !proxy.used.has(right)),
        [],
        "a right that nothing needs",
      );
    }
  });

  it("of a private registry is pulled with our credentials also where the swarm starts its task anew elsewhere", async () => {
    const image = "ghcr.io/private/moving";
    const { reference, digest } = await pushApp(image, "1", { env: ["VERSION=1"] });
    await setAvailability(h1, h1, "drain");
    {
      await using _users = await hubControl.users({ ann: "secret" });
      const authconfig = { username: "ann", password: "secret", serveraddress: "ghcr.io" };
      const spec = {
        Name: "moving",
        Labels: { "com.ouroboros.enable": "true" },
        TaskTemplate: { ContainerSpec: { Image: `${reference}@${digest}` } },
        Mode: { Replicated: { Replicas: 1 } },
        UpdateConfig: { Parallelism: 1, Monitor: 1e9 },
      };
      await h1.docker.createService(authconfig, spec as never);
      await until("it runs", async () => (await swarm.running("moving")).length === 1);
    }
    await using _others = await hubControl.users({ bob: "other" });
    const env = { ...SWARM, REPO_USER: "bob", REPO_PASS: "other", REPO_REGISTRY: "ghcr.io" };
    await using stack = await startStack({ engine: h1, env });
    const next = await pushApp(image, "1", { env: ["VERSION=2"] });
    await stack.check();
    await stack.expectResult("moving", "updated");
    await setAvailability(h1, h1, "active");
    await setAvailability(h1, h3, "drain");
    await until("it runs on the other node", async () => {
      const here = await h1.docker.listContainers();
      return here.some(({ Image }) => Image.includes(next.digest));
    });
    await setAvailability(h1, h3, "active");
  });

  it("comes before those that its depends_on and hard_depends_on labels name", async () => {
    await swarm.deploy("app");
    await swarm.deploy("db", { labels: { "com.ouroboros.depends_on": "app" } });
    await swarm.deploy("front", { labels: { "com.ouroboros.hard_depends_on": "db" } });
    await using stack = await startStack({ engine: h1, env: SWARM });
    for (const name of ["app", "db", "front"]) await release(`apps/${name}`, "2");
    await stack.check();
    await stack.expectResult("app", "updated");
    const order = stack.records.flatMap((record) => (record.kind === "applying" ? [record.container] : []));
    assert.deepEqual(order, ["front", "db", "app"]);
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
