// The version before the ledger and today's at one NATS: after an upgrade, and side by side.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { after, before, describe, it } from "mocha";
import { EventLine, HistoryEntry, PendingEvent, Status } from "../../cli/output/output-schemas.ts";
import { BUCKETS, STREAMS } from "../../shared/contract/subjects.ts";
import { streamOf } from "../../shared/nats/topology.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { addParticipant } from "../support/participants.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { awaitResults, requestPlan, skippedContainers } from "../support/runs.ts";
import { schemaCheck } from "../support/schemas.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import {
  type RecordedMessage,
  type Recording,
  fillStore,
  joinAsHost,
  readRecording,
} from "./earlier-version/recording.ts";

const h1 = engine(1);
const LOUD = /"level":"(?:warn|error|critical)"/;
const logOf = ({ services }: Stack): string => services.poller?.log() ?? "";
const commandsOf = (stack: Stack) => {
  const run = async (...words: string[]): Promise<string> => {
    const { code, out, err } = await runOperatorCommand({ NATS_URL: stack.server.url }, words);
    assert.deepEqual([err, code], ["", 0], words.join(" "));
    return out;
  };
  const json = async (...words: string[]): Promise<unknown> => JSON.parse(await run(...words, "-o", "json"));
  return { run, json };
};
const isOf = (host: string, { subject }: Pick<RecordedMessage, "subject">): boolean =>
  subject.split(".")[2] === host;

describe("what the version before the ledger wrote", () => {
  it("is as the schemas of today have it", async () => {
    const check = schemaCheck();
    const { messages } = await readRecording({});
    const schemaFor = ({ stream, subject }: RecordedMessage): string | undefined => {
      const [, , , third = ""] = subject.split(".");
      if (stream === STREAMS.hooks) return third;
      if (stream === STREAMS.verdicts) return "verdict";
      if (stream === STREAMS.runs) return third === "open" ? undefined : "run-record";
      return stream === streamOf(BUCKETS.participants) ? "participant" : undefined;
    };
    const checked = messages.flatMap((message) => {
      const schema = schemaFor(message);
      return schema === undefined ? [] : [check(schema, message.data)];
    });
    assert.ok(checked.length > 50);
    assert.deepEqual(
      checked.filter((wrong) => wrong !== ""),
      [],
    );
  });
});

describe("today's services on the NATS of the version before the ledger", () => {
  let store: string;
  let recording: Recording;
  let stack: Stack;

  before(async () => {
    await deploy(h1, "web", { version: "2" });
    await deploy(h1, "api");
    await deploy(h1, "job");
    const digests = {
      api: (await release("apps/api", "2")).digest,
      job: (await release("apps/job", "2")).digest,
    };
    const { ID: id } = (await h1.docker.info()) as { ID: string };
    recording = await readRecording({ engines: { h1: id }, digests });
    store = await mkdtemp(join(tmpdir(), "earlier-version-"));
    await fillStore(store, recording);
    stack = await startStack({ engine: h1, nats: { store } });
    await stack.check();
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await rm(store, { recursive: true });
    await h1.clean();
  });

  it("bring its streams and buckets up to date, and add their own", async () => {
    const manager = await jetstreamManager(stack.nats);
    for (const name of [...Object.values(STREAMS), ...Object.values(BUCKETS).map(streamOf)]) {
      const { config } = await manager.streams.info(name);
      assert.ok(config.deny_delete && config.deny_purge && !config.allow_rollup_hdrs, name);
      assert.equal(config.republish !== undefined, !name.startsWith("KV_"), name);
    }
  });

  it("lose none of its messages", async () => {
    const manager = await jetstreamManager(stack.nats);
    for (const stream of Object.values(STREAMS)) {
      const written = recording.messages.filter((message) => message.stream === stream);
      for (const [n, { subject, data }] of written.entries()) {
        const kept = await manager.streams.getMessage(stream, { seq: n + 1 });
        assert.deepEqual([kept?.subject, kept?.json()], [subject, data]);
      }
    }
  });

  it("take no plan of it once more", () => {
    assert.deepEqual(stack.records, []);
    assert.deepEqual(stack.events, []);
  });

  it("show its hosts, runs, events and holds", async () => {
    const { run, json } = commandsOf(stack);
    const { hosts, participants, unreadable } = Status.parse(await json("status"));
    assert.deepEqual([participants, unreadable], [["board"], []]);
    assert.deepEqual(
      hosts.map(({ host, last_run, held }) => [host, last_run?.ends, held.map(({ container }) => container)]),
      [
        ["h1", { api: "refused", job: "rolled_back", web: "updated" }, ["api", "job"]],
        ["h2", { shop: "updated" }, []],
      ],
    );
    const history = HistoryEntry.array().parse(await json("history"));
    assert.deepEqual(history.map(({ host, container, end }) => `${host} ${container} ${end}`).sort(), [
      "h1 api refused",
      "h1 job rolled_back",
      "h1 web updated",
      "h2 shop updated",
    ]);
    const lines = (await run("events", "-o", "json")).trim().split("\n");
    const events = lines.map((line) => EventLine.parse(JSON.parse(line)));
    const published = recording.messages.filter(({ stream }) => stream === STREAMS.hooks);
    assert.deepEqual(
      events.flatMap((event) => ("id" in event ? event.id : [])).sort(),
      published.map(({ data }) => data["id"]).sort(),
    );
    assert.match(await run("events"), /update_finished +shop +updated [0-9a-f]{12} → [0-9a-f]{12}, down for/);
    assert.match(
      await run("explain", "api", "--host", "h1"),
      /last run: +refused\n +because: +10-freeze: failed: exit code 1/,
    );
    assert.equal(await run("pending"), "No pending events.\n");
  });

  it("heed its holds", async () => {
    const { api, job, web } = await skippedContainers(stack);
    assert.match(api ?? "", /^held: 10-freeze: failed: exit code 1 \(exec_h1\), until the tag changes/);
    assert.match(job ?? "", /^held: "prove the successor" failed: .*exited with code 7 \(updater\)/);
    assert.equal(web, "current");
  });

  it("ask its participants, and update; a hold ends when the tag moves", async () => {
    const { run, json } = commandsOf(stack);
    for (const name of ["web", "api"]) await release(`apps/${name}`, "3");
    const plan = await requestPlan(stack);
    await until("board is waited for", async () => {
      const waiting = PendingEvent.array().parse(await json("pending"));
      const left = waiting.flatMap((event) => event.waiting_for.map((one) => one.participant));
      return left.join() === "board";
    });
    await run("verdict", "web", "proceed");
    assert.deepEqual(await awaitResults(stack, plan), { api: "updated", web: "updated" });
    assert.deepEqual(await overview(h1), ["api running 3", "job running 1", "web running 3"]);
  });

  it("complain about nothing", () => {
    assert.doesNotMatch(logOf(stack), LOUD);
  });
});

describe("a host of the version before the ledger beside one of today's", () => {
  after(() => h1.clean());

  it("disturbs no update, is not disturbed, and is shown", async () => {
    const recording = await readRecording({});
    const written = recording.messages.filter((message) => isOf("h2", message));
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const joined = new AbortController();
    await using board = await addParticipant(
      stack,
      "board",
      { hooks: ["before_update"], flags: ["--hosts", "h1"] },
      async () => once(joined.signal, "abort").then(() => "proceed"),
    );
    await release("apps/web", "2");
    const plan = await requestPlan(stack);
    await until("board is asked", () => board.asked.includes("before_update web"));
    using _host = await joinAsHost(stack.nats, recording, "h2");
    joined.abort();
    assert.deepEqual(await awaitResults(stack, plan), { web: "updated" });
    assert.deepEqual(await overview(h1), ["web running 2"]);

    const manager = await jetstreamManager(stack.nats);
    for (const stream of [...Object.values(STREAMS), ...Object.values(BUCKETS).map(streamOf)]) {
      const { subjects = {} } = (await manager.streams.info(stream, { subjects_filter: ">" })).state;
      const count = Object.entries(subjects)
        .filter(([subject]) => isOf("h2", { subject }))
        .reduce((sum, [, messages]) => sum + messages, 0);
      assert.equal(count, written.filter((message) => message.stream === stream).length, stream);
    }
    const { run, json } = commandsOf(stack);
    const { hosts } = await until("no updater is busy", async () => {
      const status = Status.parse(await json("status"));
      return status.hosts.every(({ updater }) => updater !== "busy") && status;
    });
    assert.deepEqual(
      hosts.map(({ host, poller, updater, last_run }) => [host, poller, updater, last_run?.ends]),
      [
        ["h1", true, "idle", { web: "updated" }],
        ["h2", true, "idle", { shop: "updated" }],
      ],
    );
    assert.match(await run("explain", "shop"), /^shop on h2, .*\n +checked: +current/);
    assert.doesNotMatch(logOf(stack), LOUD);
  });
});
