// The dashboard at a closed NATS, with its own key: what it needs it may, and no more.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { describe, it } from "mocha";
import { connect } from "nats";
import { systemClock } from "../../../shared/clock.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { BUCKETS, STREAMS, ledgerKey, subjects } from "../../../shared/contract/subjects.ts";
import { getLastMessage, publish } from "../../../shared/nats/jetstream.ts";
import { startNats } from "../../bed/bed.ts";
import { freePort } from "../../support/monitoring.ts";
import { writeNatsConfig } from "../../support/nats-config-folder.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import { until } from "../../support/until.ts";
import {
  EVENT,
  HOST,
  RUN,
  TOKEN_SETTING,
  hostEntry,
  ledgerEntry,
  readState,
  signIn,
  startDashboard,
  waiting,
} from "./scene.ts";

describe("the dashboard with the rights of an observer whose users decide", () => {
  it("has all it needs: it sees what waits, hears verdicts, decides, asks pollers, and remembers who is signed in", async () => {
    await using keys = await writeNatsConfig("--hosts", HOST, "--participants", "board");
    await using server = await startNats({ config: keys.config });
    const enter = async (user: string) => connect({ servers: server.url, ...(await keys.connection(user)) });
    const operator = { NATS_URL: server.url, ...keys.access("operator") };
    const prepared = await runOperatorCommand(operator, ["nats-config", "prepare", "--hosts", HOST]);
    assert.equal(prepared.code, 0, prepared.err);
    const [updater, poller, board, all] = await Promise.all(
      [`updater_${HOST}`, `poller_${HOST}`, "participant_board", "operator"].map(enter),
    );
    assert.ok(updater && poller && board && all);
    const via = (nats: typeof updater) => ({
      ...{ js: jetstream(nats), clock: systemClock, signal: AbortSignal.timeout(60_000) },
    });
    const record = (body: object, n: number) =>
      publish(via(updater), {
        subject: subjects.run(HOST, RUN),
        body: { ...body, writer: "w", n, at: new Date().toISOString(), host: HOST, run: RUN },
      });
    await publish(via(poller), { subject: `$KV.${BUCKETS.hosts}.${HOST}`, body: hostEntry(["web"]) });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = {
      ...{ NATS_URL: server.url, ...keys.access("observer_dashboard") },
      ...{ DASHBOARD_PORT: String(port), DASHBOARD_TOKENS: TOKEN_SETTING },
    };
    await using service = await startDashboard(env);
    const person = await signIn({ url }, "operator");
    await record(waiting(), 1);
    const pending = () => readState(person, "pending").then(({ changes }) => JSON.stringify(changes));
    await until("the event waits on the page", async () => (await pending()).includes(EVENT));
    await publish(via(board), {
      subject: subjects.verdict(HOST, "board", EVENT),
      body: { verdict: "defer", reason: "not before noon" },
    });
    await until("what the board said is there", async () => (await pending()).includes("not before noon"));
    const verdict = { host: HOST, event: EVENT, verdict: "proceed", reason: "urgent" };
    const given = await person.post("/api/verdict", verdict);
    assert.equal(given.status, 200, await given.text());
    const manager = await jetstreamManager(all);
    const stored = await getLastMessage(manager, STREAMS.verdicts, subjects.verdict(HOST, "operator", EVENT));
    assert.deepEqual(parseJson(stored?.string() ?? ""), { verdict: "proceed", reason: "urgent (by olaf)" });
    poller.subscribe(subjects.command(HOST, "poller", "*"), {
      callback: (_, message) =>
        void message.respond(JSON.stringify({ kind: "current", last: null, containers: [] })),
    });
    updater.subscribe(subjects.command(HOST, "updater", "status"), {
      callback: (_, message) => void message.respond(JSON.stringify({ state: "idle" })),
    });
    await Promise.all([poller.flush(), updater.flush()]);
    const update = await person.post("/api/update", { host: HOST, container: "web" });
    assert.deepEqual(await update.json(), { ok: true, kind: "current" });
    assert.equal((await person.post("/api/check", { host: HOST })).status, 200);
    assert.equal((await person.get(`/api/explain?host=${HOST}&container=web`)).status, 200);
    await publish(via(poller), {
      subject: `$KV.${BUCKETS.ledger}.${ledgerKey(HOST, "apps/web:latest", "linux/amd64")}`,
      body: ledgerEntry("apps/web:latest"),
    });
    const images = await person.get("/api/images");
    assert.match(await images.text(), /"image":"apps\/web:latest"/);
    const image = await person.get("/api/image?image=apps/web:latest");
    assert.match(await image.text(), /"rolled_back":\{"times":2/);
    const life = await (await person.get("/api/life")).json();
    assert.deepEqual(life, [{ host: HOST, poller: true, updater: "idle", trouble: [] }]);
    const snoozed = await person.post("/api/snooze", { what: "web", for_s: 60 });
    assert.equal(snoozed.status, 200, await snoozed.text());
    const bucket = `KV_${BUCKETS.observers}`;
    await until("the session is stored", async () => {
      const last = await getLastMessage(manager, bucket, `$KV.${BUCKETS.observers}.dashboard.session.*`);
      return last !== undefined;
    });
    service.kill("SIGTERM");
    assert.equal(await service.exited, 0);
    await using _again = await startDashboard(env);
    assert.equal((await person.get("/api/state?topics=hosts")).status, 200, "the session outlives a restart");
    assert.doesNotMatch(await readFile(server.log, "utf8"), /Violation/);
    for (const nats of [updater, poller, board, all]) await nats.close();
  });
});
