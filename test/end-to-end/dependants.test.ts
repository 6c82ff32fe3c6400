import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { assertLeft, deploy, idOf, overview, release } from "../support/containers.ts";
import { assertChain, chainIds, deployChain } from "../support/dependants-chain.ts";
import { type Answer, LEFTOVER_TASK, requestText, startEngineProxy } from "../support/engine-proxy.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { testProgram } from "../support/test-programs.ts";
import { until } from "../support/until.ts";
import { firstUnlessFull, itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);
const chain = { h: h1 };

describe("containers that refer to an updated one", () => {
  afterEach(() => h1.clean());

  it("are recreated with it, directly and through one another, on the image they have", async () => {
    await deployChain(chain);
    await using stack = await startStack({ engine: h1, env: { MONITOR: "vpn" } });
    await stack.check();
    await release("apps/vpn", "2");
    await release("apps/child", "2"); // its own tag moved too: it is not asked for
    await stack.check();
    await stack.expectResult("vpn", "updated");
    await assertChain(chain, "2");
    await assertNothingLeft();
  });

  for (const verdict of firstUnlessFull(["refuse", "defer"])) {
    it(`are put back with it when after_update says ${verdict}`, async () => {
      const before = await deployChain(chain);
      await using stack = await startStack({ engine: h1, env: { MONITOR: "vpn" } });
      await stack.script("after_update/no", `#!/bin/sh\nexit ${verdict === "refuse" ? 1 : 75}\n`);
      await stack.check();
      await release("apps/vpn", "2");
      await stack.check();
      await stack.expectResult("vpn", "rolled_back");
      assert.deepEqual(await chainIds(chain), before);
      await assertChain(chain, "1");
      await assertNothingLeft();
    });
  }

  itInFullRun("are put back once the namespace that they are to share is there again", async () => {
    const before = await deployChain(chain);
    await putBackDespite([{ asked: starts(before[0]), times: 3, answer: NO_NAMESPACE }]);
    assert.deepEqual(await chainIds(chain), before);
  });

  it("are put back where one has to be recreated and cannot be started at first", async () => {
    const before = await deployChain(chain);
    const [child, grandchild, linker, vpn] = before;
    const unstartable = { asked: starts(child), times: 1, answer: LEFTOVER_TASK };
    const startsRecreated = (request: string): boolean =>
      unstartable.times === 0 && request.endsWith("/start") && !before.some((id) => request.includes(id));
    await putBackDespite([unstartable, { asked: startsRecreated, times: 2, answer: NO_NAMESPACE }]);
    const now = await chainIds(chain);
    assert.deepEqual(now.slice(2), [linker, vpn]);
    assert.notEqual(now[0], child);
    assert.notEqual(now[1], grandchild);
  });

  it("are put back where they have to be recreated and the Engine does not remove the old ones at first", async () => {
    const before = await deployChain(chain);
    const [child, , , vpn] = before;
    const removesChild = (request: string): boolean => request.startsWith(`DELETE /containers/${child}`);
    await putBackDespite([
      { asked: starts(vpn), times: 1, answer: LEFTOVER_TASK },
      { asked: removesChild, times: 2, answer: BUSY },
    ]);
    const now = await chainIds(chain);
    for (const [index, id] of before.entries()) assert.notEqual(now[index], id);
  });

  it("are put back, not recreated, where the Engine does not stop a successor at first", async () => {
    const before = await deployChain(chain);
    await putBackDespite([{ asked: callsNew("stop", "child", before), times: 1, answer: BUSY }]);
    assert.deepEqual(await chainIds(chain), before);
  });

  itInFullRun(
    "are put back where the Engine cannot start the old one, nor rename a successor at first",
    async () => {
      const before = await deployChain(chain);
      const [, , , vpn] = before;
      await putBackDespite([
        { asked: starts(vpn), times: 1, answer: LEFTOVER_TASK },
        { asked: callsNew("rename", "grandchild", before), times: 1, answer: BUSY },
      ]);
    },
  );

  it("are put back where the Engine can start the old one after all, once its copy is made", async () => {
    const before = await deployChain(chain);
    const [, , , vpn] = before;
    await putBackDespite([
      { asked: starts(vpn), times: 1, answer: LEFTOVER_TASK },
      { asked: (request) => request.startsWith(`DELETE /containers/${vpn}`), times: 1, answer: BUSY },
    ]);
    assert.deepEqual(await chainIds(chain), before);
  });

  it("are recreated where they run again, and the old one has to be recreated after all", async () => {
    const before = await deployChain(chain);
    const [, , , vpn] = before;
    await putBackDespite([
      { asked: starts(vpn), times: 1, answer: "lost" },
      { asked: starts(vpn), times: 1, answer: LEFTOVER_TASK },
    ]);
    const now = await chainIds(chain);
    for (const [index, id] of before.entries()) assert.notEqual(now[index], id);
  });

  itInFullRun("are put back where nobody hears that the copy of the old one got its name", async () => {
    const before = await deployChain(chain);
    const [, , , vpn] = before;
    const unstartable = { asked: starts(vpn), times: 1, answer: LEFTOVER_TASK };
    const namesCopy = (request: string): boolean =>
      unstartable.times === 0 && request.endsWith("/rename?name=vpn") && !request.includes(`/${vpn}/`);
    await putBackDespite([unstartable, { asked: namesCopy, times: 1, answer: "lost" }]);
    assert.notDeepEqual(await chainIds(chain), before);
  });

  it("are put back once the successor has ended, not beside it", async () => {
    const before = await deployChain(chain);
    const [, , , vpn = ""] = before;
    const asked = await putBackDespite([{ asked: callsNew("stop", "vpn", before), times: 1, answer: BUSY }]);
    const named = asked.find((request) => request.endsWith("/rename?name=vpn")) ?? "";
    const stop = named.replace(/rename.*/, "stop");
    const start = `POST /containers/${vpn}/start`;
    assert.deepEqual(
      asked.filter((request) => [stop, start].includes(request)),
      [stop, stop, start],
    );
    assert.deepEqual(await chainIds(chain), before);
  });

  it("are put back where a prune takes them at the end of a rollback, while no updater runs", async () => {
    const [, , , vpn] = await deployChain(chain);
    await using stack = await startStack({
      engine: h1,
      env: { MONITOR: "vpn" },
      services: ["hook-executor", "poller"],
    });
    const DIE_AT = JSON.stringify(["undone keep the old image of vpn"]);
    const dying = stack.start("updater", { program: testProgram("crashing-updater"), env: { DIE_AT } });
    await stack.script("after_update/no", "#!/bin/sh\nexit 1\n");
    await stack.check();
    await release("apps/vpn", "2");
    await stack.check();
    assert.equal(await dying.exited, "SIGKILL");
    await h1.docker.pruneContainers();
    assert.deepEqual(await overview(h1), ["vpn running 1"]);
    stack.start("updater");
    await stack.expectResult("vpn", "rolled_back");
    assert.equal(await idOf(h1, "vpn"), vpn);
    await assertChain(chain, "1");
    await assertNothingLeft();
  });

  it("may be hard dependencies: their hooks are heard, once", async () => {
    await deployChain(chain, { "com.ouroboros.hard_depends_on": "child,other" });
    const other = await deploy(h1, "other");
    await using stack = await startStack({ engine: h1, env: { MONITOR: "vpn" } });
    await stack.check();
    await release("apps/vpn", "2");
    await stack.check();
    await stack.expectResult("vpn", "updated");
    await finished(stack);
    assert.deepEqual(stack.heard().slice(1), [
      "before_stop_depends_container child",
      "before_stop_depends_container other",
      "before_update vpn",
      "before_recreate_hard_depends_container child",
      "after_recreate_hard_depends_container child",
      "after_update vpn",
      "before_recreate_hard_depends_container other",
      "after_recreate_hard_depends_container other",
    ]);
    assert.notEqual(await idOf(h1, "other"), other);
    assert.deepEqual(
      (await overview(h1)).filter((line) => line.startsWith("other")),
      ["other running 1"],
    );
    await assertChain(chain, "2");
    await assertNothingLeft();
  });
});

interface EngineFault {
  readonly asked: (request: string) => boolean | Promise<boolean>;
  times: number;
  readonly answer: Answer;
}

const NO_NAMESPACE: Answer = [
  400,
  "runc create failed: namespace path: lstat /proc/3325/ns/net: no such file or directory",
];
const BUSY: Answer = [500, "driver failed to remove root filesystem: device or resource busy"];

const starts =
  (id = "none") =>
  (request: string) =>
    request === `POST /containers/${id}/start`;

/** Calls that concern a container of that name that is none of `before`. */
const callsNew =
  (call: string, name: string, before: readonly string[]) =>
  async (request: string): Promise<boolean> => {
    const [, id, action] = /^POST \/containers\/([^/]*)\/(\w+)/.exec(request) ?? [];
    if (id === undefined || action !== call || before.includes(id)) return false;
    return (await h1.docker.getContainer(id).inspect()).Name === `/${name}`;
  };

/**
 * vpn is updated, after_update refuses, and while all is put back the Engine answers some requests with an error.
 * Resolves with all requests.
 */
async function putBackDespite(faults: readonly EngineFault[]): Promise<string[]> {
  const requests: string[] = [];
  await using proxy = await startEngineProxy(h1.socket, async (asked) => {
    const request = requestText(asked);
    requests.push(request);
    for (const fault of faults) {
      if (!(await fault.asked(request)) || fault.times === 0) continue;
      fault.times--;
      return fault.answer;
    }
    return undefined;
  });
  await using stack = await startStack({
    engine: h1,
    env: { MONITOR: "vpn" },
    services: ["hook-executor", "poller"],
  });
  stack.start("updater", { env: { DOCKER_SOCKETS: proxy.url } });
  await stack.script("after_update/no", "#!/bin/sh\nexit 1\n");
  await stack.check();
  await release("apps/vpn", "2");
  await stack.check();
  await stack.expectResult("vpn", "rolled_back");
  assert.deepEqual(
    faults.map(({ times }) => times),
    faults.map(() => 0),
  );
  await assertChain(chain, "1");
  await assertNothingLeft();
  return requests;
}

async function assertNothingLeft(): Promise<void> {
  await assertLeft(h1, [], (thing) => thing.includes("ouroboros"));
}

const finished = (stack: Stack): Promise<true> =>
  until("the run is over", () => stack.records.some(({ kind }) => kind === "finished") || undefined);
