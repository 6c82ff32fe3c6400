// Hosts that share a NATS share its room: another one may fill the streams at any time, and an updater may be killed in
// between. What was decided stays decided.
import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { afterEach, describe, it } from "mocha";
import { BUCKETS, STREAMS, subjects } from "../../shared/contract/subjects.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { addParticipant, runOuroboros } from "../support/participants.ts";
import { awaitResults, requestPlan, skippedContainers } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);

/** Of everything that a host's keys write, and of the verdicts. */
const floods: readonly (readonly [stream: string, subject: string])[] = [
  [STREAMS.runs, "ouroboros.run.evil.x"],
  [STREAMS.hooks, "ouroboros.hook.evil.after_self_cleanup.web.x"], // at which nobody is asked
  [STREAMS.verdicts, "ouroboros.verdict.evil.x.x"],
  [`KV_${BUCKETS.held}`, `$KV.${BUCKETS.held}.evil.x`],
];

describe("an updater that is killed while another host fills the streams", () => {
  afterEach(() => h1.clean());

  it("asks nobody again who has answered, ends its run, and goes on to hold what was refused", async () => {
    for (const name of ["web", "db"]) await deploy(h1, name);
    await using stack = await startStack({
      ...{ engine: h1, services: ["updater", "poller"], env: { HOOK_EXECUTOR: "off" } },
      forges: true, // what fills the streams is nothing
    });
    await stack.check();
    const prepared = await runOuroboros(stack, "nats-config", "prepare", "--hosts", `${stack.host},evil`);
    assert.equal(prepared.code, 0, prepared.err);
    await using judge = await addParticipant(stack, "judge", { hooks: ["before_update"] }, ({ subject }) =>
      subject === "db" ? "refuse: not the database" : "proceed",
    );
    let isFilled = false;
    await using last = await addParticipant(stack, "last", { hooks: ["after_update"] }, () =>
      until("the streams are full", () => isFilled).then(() => "proceed"),
    );
    for (const name of ["web", "db"]) await release(`apps/${name}`, "2");
    const run = await requestPlan(stack);
    await until("db is refused", () => stack.records.some(({ kind }) => kind === "ended"));
    await until("last is asked", () => last.asked.length > 0);
    stack.services.updater?.kill("SIGKILL");
    await stack.services.updater?.exited;
    await fill(stack);
    await isPushedOut(stack, run);
    stack.start("updater");
    isFilled = true;
    assert.deepEqual(await awaitResults(stack, run), { web: "updated", db: "refused" });
    assert.deepEqual([...judge.asked].sort(), ["before_update db", "before_update web"]);
    assert.deepEqual(await overview(h1), ["db running 1", "web running 2"]);
    await fill(stack);
    assert.match((await skippedContainers(stack))["db"] ?? "", /^held: not the database \(judge\)/);
  });
});

/** With a size that is soon reached: nothing is left of what was there. */
async function fill({ nats }: Stack): Promise<void> {
  const manager = await jetstreamManager(nats);
  for (const [stream, subject] of floods) {
    await manager.streams.update(stream, { max_bytes: 256 * 1024 });
    for (let n = 0; n < 12; n++) await jetstream(nats).publish(`${subject}${n}`, "x".repeat(50_000));
  }
}

async function isPushedOut({ nats, host }: Stack, run: string): Promise<void> {
  const manager = await jetstreamManager(nats);
  for (const subject of [subjects.run(host, run), subjects.open(host)])
    assert.equal(await getLastMessage(manager, STREAMS.runs, subject), undefined, subject);
}
