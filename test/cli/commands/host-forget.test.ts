// A host that is gone for good goes off the list; one that lives is left alone.
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import { ImageHistory } from "../../../shared/contract/image-history.ts";
import { Status } from "../../../cli/output/output-schemas.ts";
import { updateHostRecord } from "../../../services/poller/host-record.ts";
import { emptyEntry, noteOnTag } from "../../../services/poller/ledger/observe.ts";
import { systemClock } from "../../../shared/clock.ts";
import {
  ensureConsumer,
  executorNoticesConsumer,
  hostConsumers,
} from "../../../shared/nats/durable-consumers.ts";
import { bucketOf } from "../../../shared/nats/jetstream-client.ts";
import { publish } from "../../../shared/nats/jetstream.ts";
import { BUCKETS, STREAMS, heldKey, ledgerKey, subjects } from "../../../shared/contract/subjects.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { engine } from "../../bed/bed.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import { HOST, type Stage, openStage, startPoller } from "../../services/poller/stage.ts";

const OTHER = "h2";
const [IMAGE, PLATFORM] = ["registry.example/web:1", "linux/amd64"];

describe("ouroboros host forget", () => {
  let stage: Stage;
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: stage.server.url }, words);
  const hosts = async (): Promise<string[]> =>
    Status.parse(JSON.parse((await run("status", "-o", "json")).out)).hosts.map(({ host }) => host);
  const claimedBy = (name: string, id: string) =>
    updateHostRecord(
      stage.hosts,
      { name, engine: { id, api: "1.41", labels: [] } as never, own: [] },
      systemClock.now(),
      () => ({}),
    );
  const ledger = () => bucketOf(stage.nats, BUCKETS.ledger);
  const acts = (host: string) =>
    publish(
      { js: stage.js, clock: systemClock, signal: AbortSignal.timeout(10_000) },
      { subject: subjects.open(host), body: { writer: "test", n: 1, engine_id: "E", run: null, plan: null } },
    );
  const consumersOf = async (): Promise<string[]> =>
    (await stage.manager.consumers.list(STREAMS.hooks).next()).map(({ name }) => name).sort();

  beforeEach(async () => {
    stage = await openStage();
    await stage.makeTopology();
    for (const host of [HOST, OTHER]) {
      await claimedBy(host, `engine of ${host}`);
      await acts(host);
      for (const durable of [...hostConsumers(host), executorNoticesConsumer(host)])
        await ensureConsumer(stage.manager, STREAMS.hooks, durable);
      for (const name of ["web", "d.b"])
        await stage.held.put(
          heldKey(host, name),
          JSON.stringify({ digest: "sha256:1", because: "no", by: "ci", until: null, tries: 1 }),
        );
      const seen = noteOnTag(emptyEntry(IMAGE, PLATFORM), "sha256:1", systemClock.now());
      await ledger().then((bucket) => bucket.put(ledgerKey(host, IMAGE, PLATFORM), JSON.stringify(seen)));
    }
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  it("deletes what is kept of it, says what, and touches no other host", async () => {
    await run("participant", "add", "ci", "--hooks", "before_update", "--hosts", `${HOST},${OTHER}`);
    const { code, out } = await run("host", "forget", HOST);
    assert.deepEqual(
      [code, out],
      [
        0,
        `${HOST} forgotten; deleted: its entry; what was held for d.b, web; consumers gate_exec_${encodeToken(HOST)}, updater_${encodeToken(HOST)}, notices_exec_${encodeToken(HOST)}; what it saw of 1 image\n` +
          "The participant ci still names it: `ouroboros participant set ci --hosts ...` changes that.\n",
      ],
    );
    assert.deepEqual(await hosts(), [OTHER]);
    assert.deepEqual(await consumersOf(), [
      "gate_ci",
      `gate_exec_${OTHER}`,
      `notices_exec_${OTHER}`,
      `updater_${OTHER}`,
    ]);
    const held = Status.parse(JSON.parse((await run("status", "-o", "json")).out)).hosts[0]?.held ?? [];
    assert.deepEqual(held.map(({ container }) => container).sort(), ["d.b", "web"]);
    const { out: image } = await run("image", IMAGE, "-o", "json");
    const [digest, ...others] = ImageHistory.parse(JSON.parse(image)).digests;
    assert.deepEqual([digest?.seen_by, others], [[OTHER], []]);
    const again = await run("host", "forget", HOST);
    assert.deepEqual(again, {
      ...{ code: 1, out: "" },
      err: `ouroboros host forget: there is no host ${HOST}; there are ${OTHER}: \`ouroboros status\` shows all hosts\n`,
    });
  });

  it("frees the name for another Engine, and lists the host again when an updater acts there", async () => {
    await assert.rejects(
      claimedBy(HOST, "another"),
      /`ouroboros host forget web-01\.example` frees the name/,
    );
    const { out } = await run("host", "forget", HOST, "-o", "json");
    assert.deepEqual(JSON.parse(out), {
      ...{ forgotten: HOST, entry: true, held: ["d.b", "web"] },
      consumers: ["gate_exec", "updater", "notices_exec"].map((name) => `${name}_${encodeToken(HOST)}`),
      ledger: 1,
      participants: [],
    });
    await acts(HOST);
    assert.deepEqual(await hosts(), [OTHER, HOST]);
    assert.equal((await claimedBy(HOST, "another")).engine_id, "another");
  });

  it("refuses a host that answers, unless told", async () => {
    await using h1 = engine(1);
    await run("host", "forget", HOST);
    await using _poller = startPoller(h1, stage.server);
    await stage.check();
    const refused = await run("host", "forget", HOST);
    assert.equal(refused.code, 1);
    assert.match(
      refused.err,
      /web-01\.example is alive, its poller answers: stop Ouroboros there first, or say --force/,
    );
    assert.deepEqual(await hosts(), [OTHER, HOST]);
    assert.equal((await run("host", "forget", HOST, "--force")).code, 0);
    assert.deepEqual(await hosts(), [OTHER]);
  });

  it("refuses a host whose hook-executor asks for events", async () => {
    const consumer = await stage.js.consumers.get(STREAMS.hooks, `gate_exec_${OTHER}`);
    const messages = await consumer.consume({ callback: () => undefined });
    const { err } = await run("host", "forget", OTHER);
    assert.match(err, /h2 is alive, its hook-executor answers/);
    await messages.close();
  });
});
