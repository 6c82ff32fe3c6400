// `ouroboros check`: what is newer, asked of a real registry through a real poller, with nothing planned for it.
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { after, before, describe, it } from "mocha";
import { CheckResult } from "../../../cli/output/output-schemas.ts";
import { systemClock } from "../../../shared/clock.ts";
import type { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { makeCommandBody } from "../../../shared/contract/messages.ts";
import { STREAMS, heldKey, subjects } from "../../../shared/contract/subjects.ts";
import { engine, hubControl, pushApp } from "../../bed/bed.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import {
  HOST,
  type Poller,
  type Stage,
  openStage,
  runApp,
  startPoller,
} from "../../services/poller/stage.ts";

const h1 = engine(1);
const HUB = "docker.io/library";

describe("ouroboros check", () => {
  let stage: Stage;
  let poller: Poller;
  let newest = "";
  const runWith = (words: readonly string[], clock = systemClock) =>
    runOperatorCommand({ NATS_URL: stage.server.url }, ["check", ...words], { clock });
  const run = (...words: string[]) => runWith(words);
  const json = async (...words: string[]) => {
    const { code, out } = await run(...words, "-o", "json");
    return { code, all: CheckResult.array().parse(JSON.parse(out)) };
  };
  const questions = async (): Promise<number> =>
    (await hubControl.log()).filter(({ path }) => path.includes("/manifests/")).length;

  before(async () => {
    stage = await openStage();
    await stage.makeTopology();
    await stage.makeUpdater();
    for (const name of ["newer", "held", "current", "gone"])
      await runApp(h1, name, (await pushApp(`${HUB}/check-${name}`, "1")).reference);
    await h1.docker.createContainer({ name: "stopped", Image: "check-current:1" });
    ({ digest: newest } = await pushApp(`${HUB}/check-newer`, "1"));
    const { digest } = await pushApp(`${HUB}/check-held`, "1");
    const held: HeldEntry = { digest, because: "smoke test failed", by: "ci", until: null, tries: 1 };
    await stage.held.put(heldKey(HOST, "held"), JSON.stringify(held));
    poller = startPoller(h1, stage.server, { CRON: "0 0 1 1 *" }); // no cycle of its own
    await stage.ask("status");
  });
  after(async () => {
    await poller[Symbol.asyncDispose]();
    await stage[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("says of every container whether its image is newer, and plans nothing", async () => {
    await using _fault = await hubControl.faults([{ match: "check-gone/manifests", status: 404 }]);
    const { code, all } = await json();
    assert.deepEqual(
      all.map(({ container, state, because }) => [container, state, because]),
      [
        ["held", "newer", "held: smoke test failed (ci), until the tag changes"],
        ["newer", "newer", "an update is due"],
        ["gone", "unknown", all.find(({ container }) => container === "gone")?.because],
        ["stopped", "left", "not running"],
        ["current", "current", "current"],
      ],
    );
    const newer = all.find(({ container }) => container === "newer");
    assert.equal(newer?.digest, newest);
    assert.notDeepEqual(newer.runs, [newest]);
    assert.ok(Date.now() - Date.parse(newer.said_at ?? "") < 60_000);
    assert.equal(code, 3, "a registry gave no digest");
    const { last } = (await stage.ask("status")) as { last: unknown };
    assert.equal(last, null, "no cycle was made");
    assert.equal((await stage.manager.streams.info(STREAMS.hooks)).state.messages, 0);
  });

  it("fits a terminal of 80 columns", async () => {
    const { code, out, err } = await run();
    assert.deepEqual([code, err], [0, ""]);
    const lines = out.trimEnd().split("\n");
    assert.ok(
      lines.every((line) => line.length <= 80),
      out,
    );
    const at = lines.findIndex((line) => /^newer +newer on/.test(line));
    assert.equal(lines[at], `newer    newer on ${HOST}, ${HUB}/check-newer:1`);
    assert.match(
      lines[at + 1] ?? "",
      /^ {9}sha256:[0-9a-f]{12} → sha256:[0-9a-f]{12}, asked (now|\d+ s ago):/,
    );
    assert.ok(lines.includes(`left     stopped on ${HOST}, check-current:1`));
    assert.equal(lines.at(-1), "2 newer, 1 left alone, 2 current");
  });

  it("asks the registry again for what it said in the last minute only with --fresh", async () => {
    await run("newer");
    await hubControl.clearLog();
    assert.match((await run("newer")).out, /1 newer\n$/);
    assert.equal(await questions(), 0);
    ({ digest: newest } = await pushApp(`${HUB}/check-newer`, "1"));
    assert.notEqual((await json("newer")).all[0]?.digest, newest);
    assert.equal((await json("newer", "--fresh")).all[0]?.digest, newest);
    assert.equal(await questions(), 1, "of the one container that was named");
    assert.equal((await json("newer")).all[0]?.digest, newest, "what was said now counts from now on");
  });

  it("takes an id, and says what may be meant by a name that is not there", async () => {
    const { Id } = await h1.docker.getContainer("current").inspect();
    assert.deepEqual(
      (await json(Id.slice(0, 12))).all.map(({ container }) => container),
      ["current"],
    );
    const none = await run("curent");
    assert.deepEqual([none.code, none.out], [1, ""]);
    assert.match(none.err, /there is no container curent; did you mean current\?/);
  });

  it("is refused by the poller where it cannot be understood", async () => {
    const subject = subjects.command(HOST, "poller", "look");
    const answer = await stage.nats.request(subject, makeCommandBody("look", { container: 5 }));
    assert.deepEqual(answer.json(), { error: "it cannot be understood" });
  });

  it("waits for a poller that is about to start", async () => {
    await poller[Symbol.asyncDispose]();
    const asked = run("current");
    await setTimeout(500); // it has asked by then, and nothing listens
    poller = startPoller(h1, stage.server, { CRON: "0 0 1 1 *" });
    const { code, out, err } = await asked;
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^current {2}current on/);
  });

  it("says which host did not answer, and ends with 3", async () => {
    await stage.hosts.put("h2", "{}");
    const hurried = { ...systemClock, monotonic: () => 30 * systemClock.monotonic() };
    const { code, out, err } = await runWith(["current"], hurried);
    assert.equal(code, 3);
    assert.match(out, /^current {2}current on/);
    assert.equal(err, "ouroboros check: h2: its poller does not answer\n");
  });
});
