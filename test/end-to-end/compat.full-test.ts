// The time-outs of watchtower's lifecycle commands, of a minute at least, in real containers.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { startStack } from "../support/stack.ts";

const LIFECYCLE = "com.centurylinklabs.watchtower.lifecycle";

describe("a lifecycle command that takes longer than its label allows", function () {
  this.timeout(240_000);

  it("is waited for no longer, before as after the update, which goes on", async () => {
    await using h1 = engine(1);
    for (const phase of ["pre-update", "post-update"]) {
      const Labels = { [`${LIFECYCLE}.${phase}`]: "sleep 600", [`${LIFECYCLE}.${phase}-timeout`]: "1" };
      await deploy(h1, phase, { create: { Labels } });
      await release(`apps/${phase}`, "2");
    }
    await using stack = await startStack({ engine: h1, env: { COMPAT_LABELS: "watchtower", SWAPS: "2" } });
    await stack.check();
    for (const phase of ["pre-update", "post-update"]) {
      assert.equal((await stack.awaitResult(phase, { within: 180_000 })).end, "updated");
      const ran = stack.records.find((one) => one.kind === "did" && one.step === `run ${phase} in it`);
      assert.ok(ran?.kind === "did" && ran.ms >= 60_000 && ran.ms < 120_000, JSON.stringify(ran));
    }
    assert.deepEqual(await overview(h1), ["post-update running 2", "pre-update running 2"]);
    assert.match(stack.services.updater?.log() ?? "", /not done within 60 s[^\n]*lifecycle command failed/);
  });
});
