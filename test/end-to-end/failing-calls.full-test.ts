// An update of a container with dependants in which each change that is asked of the Engine fails once, one after the other:
// it is refused, or it is made and nobody hears of that. Whatever the end, all containers run, as before or updated.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { type Engine, engine } from "../bed/bed.ts";
import { assertLeft, idOf, release } from "../support/containers.ts";
import { assertChain, deployChain } from "../support/dependants-chain.ts";
import { type Answer, LEFTOVER_TASK, requestText, startEngineProxy } from "../support/engine-proxy.ts";
import { update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";

const CHANGES = /^(?:POST|DELETE) \/(?:containers\/|images\/\S+\/tag|networks\/)/;

const failures: Readonly<Record<string, Answer>> = {
  "is refused": [500, "made up by a test"],
  "is made, and nobody hears of it": "lost",
};

interface Scenario {
  readonly says: string;
  readonly isRefused?: true;
  /** How often the Engine refuses to start the old container, as it does after it was killed. */
  readonly refusedStarts?: number;
}

const UNSTARTABLE = "after_update refuses, and whose old container cannot be started";

const scenarios: readonly Scenario[] = [
  { says: "is kept" },
  { says: "after_update refuses", isRefused: true },
  { says: `${UNSTARTABLE} at first`, isRefused: true, refusedStarts: 1 },
  { says: `${UNSTARTABLE} at all`, isRefused: true, refusedStarts: Infinity },
];

const hosts = { "28.5": engine(1), "20.10": engine(2) };
/** An update asks for more changes than these. */
const FEWEST = 15;

describe("an update in which each change of the Engine fails once", function () {
  this.timeout(3_600_000);
  for (const h of Object.values(hosts)) afterEach(() => h.clean());

  for (const [version, h] of Object.entries(hosts))
    for (const scenario of scenarios)
      for (const [says, answer] of Object.entries(failures))
        it(`${version}: one that ${scenario.says}; the change ${says}`, async () => {
          await using site = await openSite(h, scenario);
          const wrong: string[] = [];
          let n = 1;
          for (; ; n++) {
            const failed = await failNth(site, n, answer).catch((error: unknown) => String(error));
            if (failed === undefined) break;
            if (failed !== "as it should be") wrong.push(failed);
          }
          assert.deepEqual(wrong, []);
          assert.ok(n > FEWEST, `only ${n} changes were asked for`);
        });
});

interface Site extends AsyncDisposable {
  readonly h: Engine;
  readonly scenario: Scenario;
  readonly stack: Stack;
  /** How the next changes are answered; undefined where they are passed on. */
  answer: (request: string) => Answer | undefined;
}

async function openSite(h: Engine, scenario: Scenario): Promise<Site> {
  const proxy = await startEngineProxy(h.socket, (asked) => {
    const request = requestText(asked);
    return CHANGES.test(request) ? site.answer(request) : undefined;
  });
  const env = { STOP_AFTER_FAILURES: "0" };
  const stack = await startStack({ engine: h, services: ["hook-executor", "poller"], env });
  const site: Site = {
    ...{ h, scenario, stack },
    answer: () => undefined,
    [Symbol.asyncDispose]: async () => {
      await stack[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
  stack.start("updater", { env: { DOCKER_SOCKETS: proxy.url } });
  if (scenario.isRefused) await stack.script("after_update/no", "#!/bin/sh\nexit 1\n");
  await stack.check();
  return site;
}

/** Undefined where no such change was asked for. @throws Error that names the change, and what is wrong after it. */
async function failNth(site: Site, n: number, answer: Answer): Promise<"as it should be" | undefined> {
  const { h, stack, scenario } = site;
  const chain = { h, key: `-${n}-` };
  const name = `vpn${chain.key}`;
  await deployChain(chain);
  const old = await idOf(h, name);
  await release("apps/vpn", "2");
  let [left, refusals, failed] = [n, scenario.refusedStarts ?? 0, undefined as string | undefined];
  site.answer = (request) => {
    if (--left === 0) {
      failed = request;
      return answer;
    }
    return request === `POST /containers/${old}/start` && refusals-- > 0 ? LEFTOVER_TASK : undefined;
  };
  try {
    const { [name]: end = "none" } = await update(stack);
    site.answer = () => undefined;
    const ends = ["rolled_back", "failed", ...(scenario.isRefused ? [] : ["updated"])];
    assert.ok(ends.includes(end), end);
    await assertChain(chain, end === "updated" ? "2" : "1");
    await assertLeft(h, [], (thing) => thing.includes("ouroboros"));
    return failed === undefined ? undefined : "as it should be";
  } catch (error) {
    throw new Error(`${failed ?? "nothing failed"}: ${String(error)}`, { cause: error });
  } finally {
    const listed = await h.docker.listContainers({ all: true });
    await Promise.all(listed.map(({ Id }) => h.docker.getContainer(Id).remove({ force: true, v: true })));
  }
}
