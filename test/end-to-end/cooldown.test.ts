// COOLDOWN, the ledger and `ouroboros image`: a digest that has stayed on its tag is taken, also where the tag has moved on; with a
// tag policy the tag that has stayed, also where a higher one has come.
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { CheckResult } from "../../cli/output/output-schemas.ts";
import { ImageHistory } from "../../shared/contract/image-history.ts";
import { engine, pushApp } from "../bed/bed.ts";
import { deploy, overview, pull, release } from "../support/containers.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const IMAGE = "registry.lab:5000/apps/web";
const pushShop = (tag: string) => pushApp("apps/shop", tag, { body: `shop ${tag}`, env: [`VERSION=${tag}`] });

/** It moves to later tags. */
async function runShop(): Promise<void> {
  const { reference: Image } = await pushShop("1.0.0");
  await pull(h1, Image);
  const Labels = { "com.ouroboros.tag_policy": "semver:^1" };
  await (await h1.docker.createContainer({ name: "shop", Image, Labels })).start();
}

describe("a cooldown", () => {
  let stack: Stack;
  const digests: string[] = [];
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: stack.server.url }, words);
  const because = async (): Promise<string> => {
    const { out } = await run("check", "web", "--fresh", "-o", "json");
    return CheckResult.array().parse(JSON.parse(out))[0]?.because ?? "";
  };
  /** Else a list counts for an interval. */
  const listTagsAnew = async (): Promise<void> =>
    assert.equal((await run("check", "shop", "--fresh")).code, 0);
  const isDue = async (): Promise<boolean> => /is due/.test(await because());

  before(async () => {
    await deploy(h1, "web");
    await deploy(h1, "eager", { create: { Labels: { "com.ouroboros.cooldown": "0" } } });
    await runShop();
    stack = await startStack({ engine: h1, env: { COOLDOWN: "8s", CRON: "0 0 1 1 *" } });
    await stack.check();
    digests.push((await release("apps/web", "2")).digest);
    await release("apps/eager", "2");
    await pushShop("1.1.0");
    await listTagsAnew();
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
    assert.deepEqual(await overview(h1), ["eager running 2", "shop running 1.0.0", "web running 1"]);
    assert.match((await run("explain", "shop")).out, /cooling down: the tag 1\.1\.0 names sha256:/);
  });

  it("takes what has stayed on the tag, although the tag has moved on, or a higher tag has come", async () => {
    await until("it has stayed for so long", isDue);
    digests.push((await release("apps/web", "3")).digest);
    await pushShop("1.2.0");
    await listTagsAnew();
    await stack.check();
    await stack.expectResult("web", "updated");
    await stack.expectResult("shop", "updated");
    assert.deepEqual(await overview(h1), ["eager running 2", "shop running 1.1.0", "web running 2"]);
    const { out } = await run("explain", "shop");
    assert.match(out, /tag: +1\.1\.0 → 1\.2\.0, by semver:\^1\n/);
    const plan = stack.events.findLast(({ hook }) => hook === "updates_enumerated")?.event.data;
    assert.deepEqual(plan?.["passed_over"], { web: digests[1] });
    assert.match(await because(), /^cooling down: /);
  });

  it("takes the newest in the end", async () => {
    await until("it has stayed for so long", isDue);
    await stack.check();
    for (const name of ["web", "shop"])
      assert.equal((await stack.awaitResult(name, { nth: 2 })).end, "updated");
    assert.deepEqual(await overview(h1), ["eager running 2", "shop running 1.2.0", "web running 3"]);
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
