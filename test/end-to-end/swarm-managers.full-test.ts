// Several managers: one acts, the next takes over, and what the old leader had begun ends once.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { type Engine, bedCommand, engine } from "../bed/bed.ts";
import { release } from "../support/containers.ts";
import { runOuroboros } from "../support/participants.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { type Swarm, demote, formSwarm, serviceSeenBy } from "../support/swarm.ts";
import { until } from "../support/until.ts";

const [h1, h3] = [engine(1), engine(3)];
const SWARM = { SWARM: "true" };

interface SwarmNote {
  readonly because: string;
  readonly isWrong: boolean;
}
const noteOf = async (stack: Stack): Promise<SwarmNote | undefined> =>
  ((await stack.check()) as { swarm?: SwarmNote }).swarm;
const sentFor =
  (service: string) =>
  ({ records }: Stack): number =>
    records.filter((record) => record.kind === "applying" && record.container === service).length;
/** A node is down for the swarm after some time only. */
const LONG = { within: 240_000 };

describe("two managers", () => {
  it("have the leader act, and the next one when that is demoted", async () => {
    await using swarm = await formSwarm([h1, h3], "Manager");
    await swarm.deploy("web");
    await using first = await startStack({ engine: h1, env: SWARM });
    await using second = await startStack({ engine: h3, env: SWARM });
    await release("apps/web", "2");
    const idle = await noteOf(second);
    assert.match(idle?.because ?? "", /^another manager leads the swarm/);
    assert.equal(idle?.isWrong, false);
    await first.check();
    await first.expectResult("web", "updated");
    await demote(h3, h1);
    await until("the other leads", async () => (await noteOf(second)) === undefined);
    await until("the first says why it does not act", async () =>
      /this node is a worker/.test((await noteOf(first))?.because ?? ""),
    );
    const { digest } = await release("apps/web", "3");
    await second.check();
    await second.expectResult("web", "updated");
    assert.equal((await serviceSeenBy(h3, "web"))?.digest, digest);
    await h1.docker.swarmLeave({ force: true });
    for (const { ID } of await h3.docker.listServices()) await h3.docker.getService(ID).remove();
  });

  it("that lost their quorum say so in one sentence, and change nothing until they have it again", async () => {
    await using swarm = await formSwarm([h1, h3], "Manager");
    const old = await swarm.deploy("web");
    const env = { ...SWARM, HOOK_TIMEOUT: "5m" };
    await using stack = await startStack({ engine: h1, env, services: SEPARATE_PROCESSES });
    await stack.check();
    const go = join(stack.folder, "go");
    await stack.script(
      "before_service_update/10-wait",
      `#!/bin/sh\nwhile [ ! -e ${go} ]; do sleep 0.2; done\n`,
    );
    await release("apps/web", "2");
    await stack.check();
    await until("the gate waits", () => stack.heard().includes("before_service_update web"));
    await bedCommand("kill", "3");
    try {
      await until("the poller tells it", async () => {
        const note = await noteOf(stack);
        return note?.isWrong === true && note.because.startsWith("the swarm does not answer");
      });
      assert.match(stack.services.poller?.log() ?? "", /"msg":"no service is looked at"/);
      const { code, out } = await runOuroboros(stack, "status", "--trouble");
      assert.equal(code, 1);
      assert.match(out, /the swarm does not answer, so nothing is changed: /);
      await writeFile(go, "");
      const { end, because } = await stack.awaitResult("web");
      assert.deepEqual([end, because.split(",")[0]], ["expired", "the swarm does not answer"]);
      assert.equal(sentFor("web")(stack), 0);
    } finally {
      await bedCommand("start", "3");
    }
    await until("the swarm answers again", async () => (await swarm.digestOf("web").catch(() => "")) === old);
    await until("it is updated", async () => {
      await stack.check();
      return stack.records.some((record) => record.kind === "ended" && record.end === "updated");
    });
    assert.equal(sentFor("web")(stack), 1);
  });
});

describe("three managers", () => {
  const h6 = engine(6);
  let swarm: Swarm;
  before(() => bedCommand("boot", "6", "28.5"));
  beforeEach(async () => (swarm = await formSwarm([h1, h3, h6], "Manager")));
  afterEach(() => swarm[Symbol.asyncDispose]());
  after(() => bedCommand("cut", "6"));

  for (const verdict of ["proceed", "refuse"] as const)
    it(`whose leader dies in the middle of an update: the next takes over, it is applied once, and ${verdict} counts`, async () => {
      const old = await swarm.deploy("web", { replicas: 4, update: { Delay: 2e9 } });
      await using first = await startStack({ engine: h1, env: SWARM });
      await using second = await startStack({ engine: h3, env: SWARM });
      await using third = await startStack({ engine: h6, env: SWARM });
      const script = `#!/bin/sh\n[ ${verdict} = proceed ] || { echo "too slow" >&2; exit 1; }\n`;
      await first.script("after_service_update/10-answer", script);
      for (const stack of [first, second, third]) await stack.check();
      const { digest } = await release("apps/web", "2");
      await first.check();
      await until("the update is under way", async () => {
        const seen = await serviceSeenBy(h1, "web");
        return seen?.state === "updating" && seen.tasks.includes(digest);
      });
      await bedCommand("kill", "1");
      try {
        const next = await until("another leads", async () => {
          for (const stack of [second, third]) if ((await noteOf(stack)) === undefined) return stack;
          return undefined;
        });
        const by = next === second ? h3 : h6;
        await until("the swarm has finished the update", () => allRun(by, digest, "completed"), LONG);
        assert.deepEqual((await next.check())["outcome"], { kind: "nothing due" });
        await swarm.deploy("other", { by });
        await release("apps/other", "2");
        await next.check();
        await next.expectResult("other", "updated");
        assert.deepEqual([first, second, third].map(sentFor("web")), [1, 0, 0]);
      } finally {
        await bedCommand("start", "1");
      }
      const { end, because } = await first.awaitResult("web", LONG);
      assert.equal(end, verdict === "proceed" ? "updated" : "rolled_back", because);
      const wanted = verdict === "proceed" ? digest : old;
      await until("all run what was decided", () => allRun(h3, wanted), LONG);
      assert.deepEqual([first, second, third].map(sentFor("web")), [1, 0, 0]);
      const asked = first.heard().filter((line) => line.startsWith("after_"));
      assert.deepEqual(asked, ["after_service_update web"]);
    });

  /** Four tasks of web. */
  async function allRun(by: Engine, digest: string, state?: string): Promise<boolean> {
    const seen = await serviceSeenBy(by, "web");
    const isState = state === undefined || seen?.state === state;
    return isState && seen?.tasks.length === 4 && seen.tasks.every((task) => task === digest);
  }
});
