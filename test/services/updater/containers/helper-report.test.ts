import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { systemClock as clock } from "../../../../shared/clock.ts";
import { openEngine } from "../../../../shared/docker/engine.ts";
import {
  HelperJob,
  awaitHelper,
  removeHelper,
} from "../../../../services/updater/containers/helper-container.ts";
import {
  readHelperReport,
  writeHelperReport,
} from "../../../../services/updater/containers/helper-report.ts";
import { HELPER_ROLE, ROLE_LABEL } from "../../../../shared/containers/self-update-policy.ts";
import { engine } from "../../../bed/bed.ts";
import { deploy } from "../../../support/containers.ts";
import { until } from "../../../support/until.ts";

const h1 = engine(1);
const never = new AbortController().signal;
const job: HelperJob = {
  ...{ way: "forward", run: "01r", name: "ouroboros", old: "0d", image: "sha256:2" },
  reference: "ouroboros:2",
};
const open = () => openEngine(`unix://${h1.socket}`, 10_000);

/** A helper that is over, by its exit code and its log. */
async function endedHelper(exitCode: number): Promise<void> {
  const line =
    '{"msg":"old container runs as before","because":"\\"prove the successor\\" failed: unhealthy"}';
  const id = await deploy(h1, "ouroboros-helper", {
    image: "apps/helper",
    imageOptions: { entrypoint: ["sh", "-c", `echo '${line}'; exit ${exitCode}`] },
    create: { Cmd: ["helper", JSON.stringify(job)], Labels: { [ROLE_LABEL]: HELPER_ROLE } },
  });
  const isOver = async () => !(await h1.docker.getContainer(id).inspect()).State.Running;
  await until("it is over", isOver);
}

describe("what the helper of a self-update reports", () => {
  afterEach(() => h1.clean());

  it("is about one job, and the last report counts", async () => {
    const opened = await open();
    await writeHelperReport(opened, { run: "01r", way: "forward", end: "stuck", because: "no room" });
    await writeHelperReport(opened, { run: "01r", way: "forward", end: "done" });
    assert.equal((await readHelperReport(opened, job))?.end, "done");
    assert.equal(await readHelperReport(opened, { ...job, way: "back" }), undefined);
    assert.equal(await readHelperReport(opened, { ...job, run: "02r" }), undefined);
  });

  it("counts more than its exit code and its log, and goes with it", async () => {
    const opened = await open();
    await endedHelper(137); // it was killed once it had reported
    await writeHelperReport(opened, { run: "01r", way: "forward", end: "done" });
    assert.deepEqual(await awaitHelper(opened, clock, never), { job, end: "done" });
    await writeHelperReport(opened, { run: "01r", way: "forward", end: "undone", because: "not ready" });
    assert.deepEqual(await awaitHelper(opened, clock, never), { job, end: "undone", because: "not ready" });
    await removeHelper(opened);
    assert.equal(await readHelperReport(opened, job), undefined);
    assert.equal(await awaitHelper(opened, clock, never), undefined);
  });

  for (const [code, expected] of [
    [0, { end: "done" }],
    [1, { end: "undone", because: '"prove the successor" failed: unhealthy' }],
  ] as const)
    it(`is its exit code, ${code}, and its log where it is of a version that reports nothing`, async () => {
      await endedHelper(code);
      assert.deepEqual(await awaitHelper(await open(), clock, never), { job, ...expected });
    });
});
