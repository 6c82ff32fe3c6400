// Tag policies: a container moves to a later tag of its variant, within its range; one digest is asked about, held, pulled
// and run; a rollback goes back to the tag before. The full run has more.
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { CheckResult } from "../../cli/output/output-schemas.ts";
import { engine, pushApp } from "../bed/bed.ts";
import { pull } from "../support/containers.ts";
import { itInFullRun } from "../support/full-run.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const IMAGE = "registry.lab:5000/apps/shop";

const push = (tag: string, image = "apps/shop") =>
  pushApp(image, tag, { body: `${image} ${tag}`, env: [`VERSION=${tag}`] });

async function runContainer(name: string, Image: string, policy?: string): Promise<void> {
  await pull(h1, Image);
  const Labels = policy === undefined ? {} : { "com.ouroboros.tag_policy": policy };
  await (await h1.docker.createContainer({ name, Image, Labels })).start();
}

async function referenceOf(name: string): Promise<string> {
  const { Config, Image } = await h1.docker.getContainer(name).inspect();
  const version = Config.Env.find((entry) => entry.startsWith("VERSION="))?.slice("VERSION=".length);
  const tagged = await h1.docker.getImage(Config.Image).inspect();
  assert.equal(tagged.Id, Image, "the tag names the image that runs");
  return `${Config.Image.replace(/^.*\//, "")} runs ${version}`;
}

describe("a tag policy", () => {
  let stack: Stack;
  let digest = "";
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: stack.server.url }, words);
  const look = async (): Promise<CheckResult> => {
    const { out } = await run("check", "shop", "--fresh", "-o", "json");
    const [found] = CheckResult.array().parse(JSON.parse(out));
    assert.ok(found !== undefined, out);
    return found;
  };

  before(async () => {
    await push("1.4.2-alpine");
    await runContainer("shop", `${IMAGE}:1.4.2-alpine`, "semver:^1.4");
    for (const tag of ["2.0.0-alpine", "1.5.0", "1.5.0-bookworm", "1.6.0-rc1-alpine", "1.4.1-alpine"])
      await push(tag);
    digest = (await push("1.5.0-alpine")).digest;
    stack = await startStack({ engine: h1, env: { CRON: "0 0 1 1 *" } });
    await until("the poller answers", async () => (await run("check", "shop")).code === 0);
    await stack.script("before_update/10-notes", "#!/bin/sh\necho 'no release notes' >&2\nexit 1\n");
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("says which tag, why, and what is passed over", async () => {
    assert.deepEqual((await look()).tag, {
      ...{ policy: "semver:^1.4", own: "1.4.2-alpine", follows: "1.5.0-alpine" },
      passed_over: [
        { tag: "1.5.0-bookworm", because: "another variant" },
        { tag: "1.6.0-rc1-alpine", because: "a pre-release" },
        { tag: "2.0.0-alpine", because: "not in its policy" },
      ],
      beyond: "2.0.0-alpine",
    });
    const { out } = await run("explain", "shop");
    assert.match(out, /^ +tag: +1\.4\.2-alpine → 1\.5\.0-alpine, by semver:\^1\.4$/m);
    assert.match(
      out,
      /^ +passed over: .*1\.6\.0-rc1-alpine \(a pre-release\), 2\.0\.0-alpine \(not in its policy\)$/m,
    );
  });

  it("asks about that tag; a refusal holds its digest", async () => {
    await stack.check();
    await stack.expectResult("shop", "refused");
    const plan = stack.events.find(({ hook }) => hook === "updates_enumerated")?.event.data;
    const [update] = plan?.["updateable"] as { tag?: object; latest_image: { tags: string[] } }[];
    assert.deepEqual(update?.latest_image.tags, [`${IMAGE}:1.5.0-alpine`]);
    assert.equal((update.tag as { to?: string } | undefined)?.to, "1.5.0-alpine");
    const asked = stack.events.find(({ hook }) => hook === "before_update")?.event.data;
    assert.equal(asked?.["reason"], `${IMAGE}:1.5.0-alpine is here, which follows ${IMAGE}:1.4.2-alpine`);
    const { out } = await run("explain", "shop", "-o", "json");
    const [{ held }] = JSON.parse(out) as [{ held: unknown }];
    assert.equal(HeldEntry.parse(held).digest, digest);
    assert.equal(await referenceOf("shop"), "shop:1.4.2-alpine runs 1.4.2-alpine");
  });

  it("recreates the container by the new reference", async () => {
    await stack.script("before_update/10-notes", "#!/bin/sh\nexit 0\n");
    assert.equal((await run("update", "shop", "--wait")).code, 0);
    assert.equal(await referenceOf("shop"), "shop:1.5.0-alpine runs 1.5.0-alpine");
    const { image, to_image, to_digest } = await stack.awaitResult("shop", { nth: 2 });
    assert.deepEqual([image, to_image], [`${IMAGE}:1.4.2-alpine`, `${IMAGE}:1.5.0-alpine`]);
    assert.equal(to_digest, `${IMAGE}@${digest}`);
    assert.equal((await look()).because, "current");
  });

  it("is rolled back to the reference before, and holds the digest that it came from", async () => {
    assert.equal((await run("rollback", "shop", "--wait")).code, 0);
    assert.equal(await referenceOf("shop"), "shop:1.4.2-alpine runs 1.4.2-alpine");
    assert.match((await look()).because, /^held: rolled back by the operator/);
    assert.equal((await run("rollback", "shop", "--wait")).code, 0);
    assert.equal(await referenceOf("shop"), "shop:1.5.0-alpine runs 1.5.0-alpine");
  });

  itInFullRun(
    "of the image's label does not count, and one that is misspelt leaves the container alone",
    async () => {
      await pushApp("apps/own", "1.0.0", { labels: { "com.ouroboros.tag_policy": "newest" } });
      await push("1.1.0", "apps/own");
      await runContainer("own", "registry.lab:5000/apps/own:1.0.0");
      await push("1.0.0", "apps/odd");
      await push("1.1.0", "apps/odd");
      await runContainer("odd", "registry.lab:5000/apps/odd:1.0.0", "semver:latest");
      const { out } = await run("check", "--fresh", "-o", "json");
      const because = new Map(
        CheckResult.array()
          .parse(JSON.parse(out))
          .map((found) => [found.container, found.because]),
      );
      assert.equal(because.get("own"), "current");
      assert.match(
        because.get("odd") ?? "",
        /^its label com\.ouroboros\.tag_policy cannot be understood: semver:latest/,
      );
    },
  );
});
