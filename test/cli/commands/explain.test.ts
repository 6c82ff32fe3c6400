import assert from "node:assert/strict";
import type Docker from "dockerode";
import { Explanation } from "../../../cli/output/output-schemas.ts";
import { iso, systemClock } from "../../../shared/clock.ts";
import type { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { publish } from "../../../shared/nats/jetstream.ts";
import type { RecordBody } from "../../../shared/contract/run-records.ts";
import { heldKey, subjects } from "../../../shared/contract/subjects.ts";
import { engine, pushApp } from "../../bed/bed.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import { idOf, pull } from "../../support/containers.ts";
import { startEngineProxy } from "../../support/engine-proxy.ts";
import { HOST, type Stage, openStage, runApp, startPoller } from "../../services/poller/stage.ts";

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
      const [found] = Explanation.array().parse(JSON.parse(out));
      assert.ok(found?.remedy, `what to do about ${because}`);
      assert.deepEqual([code, err, found?.container, found?.because], [0, "", name, because]);
      assert.deepEqual([found?.host, found?.held, found?.last], [HOST, null, null]);
    }
    await h1.docker.getContainer("paused").unpause();
  });

  it("tells why the Engine does not show a container that is there", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const { reference } = await pushApp("explained", "1");
    await runApp(h1, "web", reference);
    const id = await idOf(h1, "web");
    await using proxy = await startEngineProxy(h1.socket, ({ url = "" }) =>
      url.endsWith(`/containers/${id}/json`) ? [500, "its layer is damaged"] : undefined,
    );
    await using _poller = startPoller(h1, stage.server, { DOCKER_SOCKETS: proxy.url });
    await stage.check();
    const { code, out, err } = await explain(stage, "web");
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /^ouroboros explain: \S+: web cannot be looked at: .*its layer is damaged\s*$/);
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
    const ended = { kind: "ended", end: "rolled_back", because: "refused at after_update" } as const;
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
      /^ {2}checked: {3}held: smoke test failed \(ci\), until the tag changes \((now|\d+ s ago)\)$/,
    );
    assert.deepEqual(lines.slice(2, 6), [
      `  held:      ${digest}, until the tag changes: smoke test failed (ci)`,
      "  last run:  rolled_back",
      "  because:   refused at after_update (3 h ago, run 01b)",
      "  to do:     mend the cause; to try again now: `ouroboros update web`",
    ]);
    const all = (await explain(stage)).out.split("\n").map((line) => line.split(/ {2,}/));
    assert.deepEqual(all[0], ["HOST", "CONTAINER", "IMAGE", "POLLED", "WHY"]);
    assert.deepEqual(
      all.slice(1, 3).map((cells) => [cells[0], cells[1], cells[2]]),
      [
        [HOST, "db", reference],
        [HOST, "web", reference],
      ],
    );

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
    assert.deepEqual([none.code, none.out], [1, ""]);
    assert.match(none.err, /holds nothing of Ouroboros: no updater has run on it yet/);
    await stage.makeTopology();
    await using _poller = startPoller(h1, stage.server);
    await stage.check();
    await stage.hosts.put("h2", "{}");
    const { code, out, err } = await explain(stage, "web", "-o", "json");
    assert.deepEqual([code, out], [1, "[]\n"]);
    assert.equal(
      err,
      "ouroboros explain: h2: its poller does not answer\nouroboros explain: no container web was seen: `ouroboros explain` lists those it found\n",
    );
    const only = await explain(stage, "web", "--host", HOST);
    assert.equal(
      only.err,
      `ouroboros explain: no container web was seen on ${HOST}: \`ouroboros explain\` lists those it found\n`,
    );
  });

  it("says that NATS_URL is needed, and that NATS does not answer", async () => {
    const unset = await explainWith({}, ["web"]);
    assert.equal(unset.code, 3);
    assert.match(unset.err, /NATS_URL is not set/);
    const silent = await explainWith({ NATS_URL: "nats://127.0.0.1:1" }, ["web"]);
    assert.equal(silent.code, 3);
    assert.match(silent.err, /NATS at nats:\/\/127\.0\.0\.1:1 cannot be used/);
  });

  const wrong: readonly [string, readonly string[], RegExp][] = [
    ["two containers", ["a", "b"], /b: too many words/],
    ["an unknown output", ["a", "-o", "xml"], /--output "xml": allowed are text, json/],
    ["an unknown flag", ["a", "--all"], /--all is no option of this command/],
    ["a host without a name", ["a", "--host", ""], /--host "": a name is needed/],
  ];
  for (const [what, args, says] of wrong)
    it(`refuses ${what}`, async () => {
      const { code, err } = await explainWith({}, args);
      assert.equal(code, 2);
      assert.match(err, says);
    });

  it("explains itself", async () => {
    const { code, out } = await explainWith({}, ["--help"]);
    assert.equal(code, 0);
    assert.match(out, /ouroboros explain \[CONTAINER\] \[--host HOST\] \[-o text\|json\]/);
  });
});

const explain = ({ server }: Stage, ...args: string[]) => explainWith({ NATS_URL: server.url }, args);
const explainWith = (env: NodeJS.ProcessEnv, args: readonly string[]) =>
  runOperatorCommand(env, ["explain", ...args]);

/** A record as the updater writes it. */
async function journal({ js }: Stage, run: string, body: RecordBody): Promise<void> {
  const via = { js, clock: systemClock, signal: AbortSignal.timeout(20_000) };
  const envelope = { writer: "test", n: 1, at: iso(Date.now() - 3 * 3_600_000 - 60_000), host: HOST, run };
  await publish(via, {
    subject: subjects.run(HOST, run),
    body: { ...envelope, ...body },
  });
}
