import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { EventContext } from "../../shared/contract/hooks.ts";
import { engine } from "../bed/bed.ts";
import { type Phase, insteadOfUpdate, locals, order, updateableItem } from "../parity/hooks.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { awaitResults } from "../support/runs.ts";
import { type SeenEvent, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull, itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);
/** Not every character of it may stand in a subject. */
const WEB = "my.web_1-a";
const DEPENDS = { "com.ouroboros.depends_on": "db,cache", "com.ouroboros.hard_depends_on": "cache" };

describe("the hooks of a cycle", () => {
  afterEach(() => h1.clean());

  it("come in Ouroboros' order and with Ouroboros' locals", async () => {
    await using stack = await startScene({ CLEANUP: "true" });
    assert.deepEqual(await awaitResults(stack, await firstRun(stack)), { [WEB]: "updated" });
    assert.deepEqual(await overview(h1), ["cache running 1", "db running 1", `${WEB} running 2`]);
    assert.deepEqual(heard(stack), expected(order));
    for (const seen of stack.events) checkLocals(seen);
    const [plan, ...others] = stack.events.map(({ event }) => event.data);
    assert.deepEqual(named(plan?.["depends_on_containers"]), ["db"]);
    assert.deepEqual(named(plan?.["hard_depends_on_containers"]), ["cache"]);
    for (const data of [plan, ...others]) {
      assert.equal(data?.["run"], plan?.["run"]);
      assert.deepEqual([data?.["host"], data?.["mode"]], ["h1", "update"]);
    }
  });

  for (const [setting, notice] of firstUnlessFull(Object.entries(insteadOfUpdate))) {
    it(`are the same with ${setting}, but for ${notice} in the place of an update's`, async () => {
      await using stack = await startScene({ [setting]: "true" });
      assert.deepEqual(await awaitResults(stack, await firstRun(stack)), { [WEB]: "noted" });
      assert.deepEqual(heard(stack), expected(withNotice(notice)));
      for (const seen of stack.events) checkLocals(seen);
    });
  }
});

describe("containers with dependencies of their own", () => {
  afterEach(() => h1.clean());

  it("have them stopped when it is their turn, not while another's are", async () => {
    for (const name of ["one", "other"]) {
      await deploy(h1, `${name}-db`);
      const Labels = { "com.ouroboros.depends_on": `${name}-db` };
      await deploy(h1, name, { image: `apps/${name}`, create: { Labels } });
      await release(`apps/${name}`, "2");
    }
    await using stack = await startStack({ engine: h1, env: { MONITOR: "one other" } });
    assert.deepEqual(await awaitResults(stack, await firstRun(stack)), { one: "updated", other: "updated" });
    const downAndUp = stack
      .heard()
      .filter((line) => /_depends_container/.test(line))
      .map((line) => line.replace(/^before_(stop|start)_depends_container/, "$1"));
    const [first, second] = downAndUp[0] === "stop one-db" ? ["one", "other"] : ["other", "one"];
    assert.deepEqual(
      downAndUp,
      [first, second].flatMap((name) => [`stop ${name}-db`, `start ${name}-db`]),
    );
  });

  itInFullRun("have them started again by whatever name their owner gave them meanwhile", async () => {
    await deploy(h1, "db");
    await deploy(h1, "web", { create: { Labels: { "com.ouroboros.depends_on": "db" } } });
    await using stack = await startStack({ engine: h1, env: { MONITOR: "web" } });
    const rename = `curl -sf -X POST --unix-socket ${h1.socket} 'http://engine/containers/db/rename?name=db2'`;
    await stack.script("before_update/rename", `#!/bin/sh\n${rename}\n`);
    await release("apps/web", "2");
    assert.deepEqual(await awaitResults(stack, await firstRun(stack)), { web: "updated" });
    assert.deepEqual(await overview(h1), ["db2 running 1", "web running 2"]);
  });
});

/** The one is due; it depends softly on db and hard on cache. */
async function startScene(env: Readonly<Record<string, string>>): Promise<Stack> {
  await deploy(h1, "db");
  await deploy(h1, "cache");
  await deploy(h1, WEB, { image: "apps/web", create: { Labels: DEPENDS } });
  const services = ["updater", "hook-executor"] as const;
  const stack = await startStack({ engine: h1, services, env: { MONITOR: WEB, ...env } });
  await release("apps/web", "2");
  await until("the updater is there", () => stack.services.updater?.log().includes("acts on the host"));
  stack.start("poller");
  return stack;
}

const firstRun = ({ events }: Stack): Promise<string> =>
  until("a plan is published", () => events[0]?.event.data["run"] as string | undefined);

/** The names of the containers that each phase is about; of dependencies in the order of their names. */
const about: Readonly<Record<Phase["of"], readonly string[]>> = {
  cycle: [""],
  dependency: ["cache", "db"],
  update: [WEB],
  "soft dependency": ["db"],
  "hard dependency": ["cache"],
};

const expected = (phases: readonly Phase[]): string[] =>
  phases.flatMap(({ of, hooks }) =>
    about[of].flatMap((name) => hooks.map((hook) => `${hook} ${name}`.trim())),
  );

/** Nothing is recreated, so that there is no telling of it afterwards. */
const withNotice = (notice: keyof typeof locals): Phase[] =>
  order.map(({ of, hooks }) => ({
    of,
    hooks:
      of === "update" ? [notice] : hooks.filter((hook) => hook !== "after_recreate_hard_depends_container"),
  }));

/** Which of several dependencies is stopped first is nobody's promise. */
function heard(stack: Stack): string[] {
  const isStop = (line: string): boolean => line.startsWith("before_stop_");
  const lines = stack.heard();
  const stops = lines.filter(isStop).sort();
  return lines.map((line) => (isStop(line) ? (stops.shift() ?? "") : line));
}

const ALWAYS = Object.entries(EventContext.shape)
  .filter(([, field]) => !field.safeParse(undefined).success)
  .map(([name]) => name);

function checkLocals({ hook, event }: SeenEvent): void {
  const context = Object.keys(EventContext.shape);
  const given = Object.keys(event.data).filter((name) => !context.includes(name));
  assert.deepEqual(given.sort(), [...locals[hook as keyof typeof locals]].sort(), hook);
  for (const name of ALWAYS) assert.ok(name in event.data, `${hook} without ${name}`);
  for (const item of (event.data["updateable"] ?? []) as object[])
    assert.deepEqual(Object.keys(item).sort(), [...updateableItem].sort());
}

const named = (containers: unknown): string[] => (containers as { name: string }[]).map(({ name }) => name);
