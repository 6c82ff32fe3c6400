import assert from "node:assert/strict";
import type Docker from "dockerode";
import { explainContainer } from "../../../services/ouroboros/explain.ts";
import type { Explanation } from "../../../services/ouroboros/explanation.ts";
import { systemClock } from "../../../shared/clock.ts";
import type { HeldEntry } from "../../../shared/held.ts";
import { publish } from "../../../shared/jetstream.ts";
import type { RecordBody } from "../../../shared/run-records.ts";
import { heldKey, subjects } from "../../../shared/subjects.ts";
import { engine, pushApp } from "../../bed/bed.ts";
import { pull } from "../../support/containers.ts";
import { HOST, type Stage, openStage, runApp, startPoller } from "../poller/stage.ts";

describe("ouroboros explain", () => {
  it("tells the reason of every container that is never updated", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const { reference } = await pushApp("explained", "1");
    await pull(h1, reference);
    const { Id: image, RepoDigests } = await h1.docker.getImage(reference).inspect();
    const labelled = (label: string) => ({ Labels: { [label]: "True" } });
    const cases: readonly [string, Partial<Docker.ContainerCreateOptions>, string][] = [
      ["current", {}, "current"],
      ["paused", {}, "paused"],
      ["removed", { HostConfig: { AutoRemove: true } }, "started with --rm: it would vanish when stopped"],
      ["pinned", { Image: RepoDigests[0] ?? "" }, "pinned by digest"],
      ["by-id", { Image: image }, "its image has no tag to follow"],
      ["oneoff", labelled("com.docker.compose.oneoff"), "a one-off container of compose"],
      ["task", labelled("com.docker.swarm.task.id"), "part of a swarm service"],
      ["pod", labelled("io.kubernetes.pod.uid"), "part of a Kubernetes pod"],
      ["ours", labelled("com.ouroboros.role"), "part of Ouroboros itself"],
    ];
    for (const [name, options] of cases)
      await (await h1.docker.createContainer({ name, Image: reference, ...options })).start();
    await h1.docker.getContainer("paused").pause();
    await h1.docker.createContainer({ name: "stopped", Image: reference });
    await using _poller = startPoller(h1, stage.server);
    await stage.check();
    for (const [name, , because] of [...cases, ["stopped", {}, "not running"] as const]) {
      const { code, out, err } = await explain(stage, name, "-o", "json");
      const [found] = JSON.parse(out) as Explanation[];
      assert.deepEqual([code, err, found?.container, found?.because], [0, "", name, because]);
      assert.deepEqual([found?.host, found?.held, found?.last], [HOST, null, null]);
    }
    await h1.docker.getContainer("paused").unpause();
  });

  it("tells what is held, how it ended last, and what is due", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const { reference } = await pushApp("explained", "1");
    await runApp(h1, "web", reference);
    await runApp(h1, "db", reference);
    const { digest } = await pushApp("explained", "1");
    const held: HeldEntry = { digest, because: "smoke test failed", by: "ci", until: null, tries: 1 };
    await stage.held.put(heldKey(HOST, "web"), JSON.stringify(held));
    const ended = { kind: "ended", end: "rolled_back", because: "refuse at after_update" } as const;
    await journal(stage, "01a", { ...ended, container: "web", because: "longer ago" });
    await journal(stage, "01b", { ...ended, container: "web" });
    await journal(stage, "01b", { kind: "finished", ends: { web: "rolled_back" }, ms: 1 });
    await journal(stage, "01c", { kind: "finished", ends: { other: "updated" }, ms: 1 });
    await using _poller = startPoller(h1, stage.server);
    await stage.check();

    const { code, out } = await explain(stage, "/web");
    assert.equal(code, 0);
    const lines = out.split("\n");
    assert.equal(lines[0], `web on ${HOST}, ${reference}`);
    assert.match(
      lines[1] ?? "",
      /^ {2}last poll: held: smoke test failed \(ci\), until its tag moves again \(20.*Z\)$/,
    );
    assert.equal(lines[2], `  held:      ${digest}, until its tag moves again: smoke test failed (ci)`);
    assert.equal(lines[3], "  last run:  rolled_back: refuse at after_update (now, run 01b)");

    const { Id } = await h1.docker.getContainer("db").inspect();
    const byId = await explain(stage, Id.slice(0, 12), "--host", HOST, "-o", "json");
    const [db] = JSON.parse(byId.out) as Explanation[];
    assert.deepEqual([db?.container, db?.because], ["db", "an update is due: no updater has been here yet"]);
    await stage.makeUpdater();
    const { outcome } = await stage.check();
    const published = JSON.parse((await explain(stage, "db", "-o", "json")).out) as Explanation[];
    assert.equal(published[0]?.because, `an update is due, in the plan of run ${outcome.run ?? "?"}`);
  });

  it("says that no host has the container, and which could not be asked, and exits with 1", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    const none = await explain(stage, "web");
    assert.deepEqual(none, { code: 1, out: "", err: "ouroboros explain: no container web was seen\n" });
    await stage.makeTopology();
    await using _poller = startPoller(h1, stage.server);
    await stage.check();
    await stage.hosts.put("h2", "{}");
    const { code, out, err } = await explain(stage, "web", "-o", "json");
    assert.deepEqual([code, out], [1, "[]\n"]);
    assert.equal(
      err,
      "ouroboros explain: h2: its poller does not answer\nouroboros explain: no container web was seen\n",
    );
    const only = await explain(stage, "web", "--host", HOST);
    assert.equal(only.err, `ouroboros explain: no container web was seen on ${HOST}\n`);
  });

  it("says that NATS_URL is needed, and that NATS does not answer", async () => {
    const unset = await explainWith({}, ["web"]);
    assert.equal(unset.code, 1);
    assert.match(unset.err, /NATS_URL is not set/);
    const silent = await explainWith({ NATS_URL: "nats://127.0.0.1:1" }, ["web"]);
    assert.equal(silent.code, 1);
    assert.match(silent.err, /does not answer/);
  });

  const wrong: readonly [string, readonly string[], RegExp][] = [
    ["no container", ["-o", "json"], /CONTAINER is missing/],
    ["two containers", ["a", "b"], /b: one CONTAINER at a time/],
    ["an unknown output", ["a", "-o", "xml"], /-o "xml": allowed are text, json/],
    ["an unknown flag", ["a", "--all"], /--all/],
    ["a host without a name", ["a", "--host", ""], /--host "": a name is needed/],
  ];
  for (const [what, args, says] of wrong)
    it(`refuses ${what}`, async () => {
      const { code, err } = await explainWith({}, args);
      assert.equal(code, 2);
      assert.match(err, says);
    });

  it("explains itself", async () => {
    for (const args of [[], ["--help"]]) {
      const { code, out } = await explainWith({}, args);
      assert.equal(code, 0);
      assert.match(out, /ouroboros explain CONTAINER \[--host HOST\]/);
    }
  });
});

const explain = ({ server }: Stage, ...args: string[]) => explainWith({ NATS_URL: server.url }, args);

async function explainWith(env: NodeJS.ProcessEnv, args: readonly string[]) {
  const written = { out: "", err: "" };
  const into = (key: keyof typeof written) => ({ write: (text: string) => (written[key] += text) });
  const code = await explainContainer(args, { env, stdout: into("out"), stderr: into("err") });
  return { code, ...written };
}

/** A record as the updater writes it. */
async function journal({ js }: Stage, run: string, body: RecordBody): Promise<void> {
  const via = { js, clock: systemClock, signal: AbortSignal.timeout(20_000) };
  const envelope = { writer: "test", n: 1, at: "now", host: HOST, run };
  await publish(via, {
    subject: subjects.run(HOST, run),
    body: { ...envelope, ...body },
    id: `${run}-${body.kind}`,
  });
}
