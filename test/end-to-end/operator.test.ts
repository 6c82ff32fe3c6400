// An operator decides what is waited for: the participant is never heard, the wait ends at once.
import assert from "node:assert/strict";
import { jetstream } from "@nats-io/jetstream";
import { after, before, describe, it } from "mocha";
import { subjects } from "../../shared/subjects.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { participate } from "../support/participants.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);

describe("the operator", () => {
  let stack: Stack;
  before(async () => {
    for (const name of ["proceeds", "refuses", "defers"]) await deploy(h1, name);
    stack = await startStack({ engine: h1 });
    await stack.check();
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  const cases = [
    ["proceeds", { verdict: "proceed", reason: "I know" }, "updated"],
    ["refuses", { verdict: "refuse", reason: "not today" }, "refused"],
    ["defers", { verdict: "defer", reason: "after lunch", retry_after_s: 7200 }, "deferred"],
  ] as const;

  it("decides at once what others are waited for, and the journal says by whom", async () => {
    await using _asleep = await participate(
      stack,
      "asleep",
      { hooks: ["before_update"], flags: ["--timeout", "10m"] },
      () => undefined,
    );
    for (const [name] of cases) await release(`apps/${name}`, "2");
    await stack.check();
    for (const [name, verdict, end] of cases) {
      const event = await until(`${name} is waited for`, () => waitedFor(stack, name));
      await jetstream(stack.nats).publish(
        subjects.verdict(stack.host, "operator", event),
        JSON.stringify(verdict),
      );
      await stack.endsAs(name, end);
      const decided = stack.records.find(
        (record) => record.kind === "decided" && record.container === name && record.hook === "before_update",
      );
      assert.ok(decided?.kind === "decided");
      assert.deepEqual(
        [decided.by, decided.verdict, decided.reason],
        ["operator", verdict.verdict, verdict.reason],
      );
    }
    assert.deepEqual(
      (await overview(h1)).filter((line) => /^(proceeds|refuses|defers) /.test(line)),
      ["defers running 1", "proceeds running 2", "refuses running 1"],
    );
  });
});

function waitedFor({ records }: Stack, container: string): string | undefined {
  const record = records.find(
    (one) => one.kind === "waiting" && one.container === container && one.hook === "before_update",
  );
  return record?.kind === "waiting" ? record.event : undefined;
}
