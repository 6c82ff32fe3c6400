// COOLDOWN, the ledger and `ouroboros image`: a digest that has stayed on its tag is taken, also where the tag has moved on.
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { CheckResult } from "../../cli/output/output-schemas.ts";
import { ImageHistory } from "../../shared/contract/image-history.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const IMAGE = "registry.lab:5000/apps/web";

describe("a cooldown", () => {
  let stack: Stack;
  const digests: string[] = [];
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: stack.server.url }, words);
  const because = async (): Promise<string> => {
    const { out } = await run("check", "web", "--fresh", "-o", "json");
    return CheckResult.array().parse(JSON.parse(out))[0]?.because ?? "";
  };
  const isDue = async (): Promise<boolean> => /is due/.test(await because());

  before(async () => {
    await deploy(h1, "web");
    await deploy(h1, "eager", { create: { Labels: { "com.ouroboros.cooldown": "0" } } });
    stack = await startStack({ engine: h1, env: { COOLDOWN: "8s", CRON: "0 0 1 1 *" } });
    await stack.check();
    digests.push((await release("apps/web", "2")).digest);
    await release("apps/eager", "2");
    await stack.check();
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("puts an update off, and says until when; a label beats it", async () => {
    const reason =
      /^cooling down: sha256:[0-9a-f]{12} is on its tag since \S+Z, and is taken not before \S+Z$/;
    assert.match(await because(), reason);
    assert.match((await run("explain", "web")).out, /cooling down: /);
    await stack.expectResult("eager", "updated");
    assert.deepEqual(await overview(h1), ["eager running 2", "web running 1"]);
  });

  it("takes what has stayed on the tag, although the tag has moved on", async () => {
    await until("it has stayed for so long", isDue);
    digests.push((await release("apps/web", "3")).digest);
    await stack.check();
    await stack.expectResult("web", "updated");
    assert.deepEqual(await overview(h1), ["eager running 2", "web running 2"]);
    const plan = stack.events.findLast(({ hook }) => hook === "updates_enumerated")?.event.data;
    assert.deepEqual(plan?.["passed_over"], { web: digests[1] });
    assert.match(await because(), /^cooling down: /);
  });

  it("takes the newest in the end", async () => {
    await until("it has stayed for so long", isDue);
    await stack.check();
    assert.equal((await stack.awaitResult("web", { nth: 2 })).end, "updated");
    assert.deepEqual(await overview(h1), ["eager running 2", "web running 3"]);
    assert.equal(await because(), "current");
  });

  it("is found in the history of the image", async () => {
    const { out } = await run("image", IMAGE, "-o", "json");
    const history = ImageHistory.parse(JSON.parse(out));
    const { host } = stack;
    assert.equal(history.image, `${IMAGE}:latest`);
    const [newest, older, first] = history.digests;
    assert.deepEqual([newest?.digest, older?.digest, history.digests.length], [digests[1], digests[0], 3]);
    assert.deepEqual(older?.ends, { updated: { times: 1, hosts: [host] } });
    assert.deepEqual(newest?.ends, { updated: { times: 1, hosts: [host] } });
    assert.deepEqual([first?.containers, first?.seen_by], [0, [host]]);
    const table = (await run("image", IMAGE)).out;
    assert.match(table, /^PLATFORM +DIGEST +ON THE TAG +SEEN BY +RUN BY +UPDATES TO IT$/m);
    assert.match(table, /1 updated on /);
    const none = await run("image", "registry.lab:5000/apps/wob");
    assert.equal(none.code, 1);
    assert.match(none.err, /the ledger has no image registry\.lab:5000\/apps\/wob:latest; did you mean /);
  });
});
