import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { CloudEvent, Verdict } from "../../../shared/contract/messages.ts";
import { roles } from "../../../nats/permissions.ts";
import {
  HOST,
  beforeUpdateEvent,
  cloudEvent,
  container,
  image,
  noticeOf,
  service,
  updateFinished,
} from "../../services/hook-executor/scene.ts";
import { type Stage, openStage } from "../../services/hook-executor/stage.ts";
import { type Alertmanager, startAlertmanager } from "../../support/alertmanager.ts";
import { type Endpoint, startEndpoint } from "../../support/endpoint.ts";
import { until } from "../../support/until.ts";
import { startExample } from "./run-example.ts";

const NAME = "mute";
let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
  await stage.makeConsumer({ participant: NAME });
  await stage.makeNoticesConsumer(NAME);
});
afterEach(() => stage[Symbol.asyncDispose]());

const answer = async (event: CloudEvent): Promise<Verdict> => {
  await stage.publish(event);
  return stage.verdictOn(event, NAME);
};
const finish = (notice: "update_finished" | "run_finished", run: string) =>
  stage.publishNotice(
    notice === "update_finished" ? updateFinished(run) : noticeOf("run_finished", { ends: [], ms: 1 }, run),
  );
const afterUpdate = (run: string): CloudEvent =>
  cloudEvent(
    "after_update",
    {
      ...{ old_container: container("app"), new_container: container("app", "d".repeat(64)) },
      ...{ old_image: image("a"), new_image: image("b") },
    },
    { run },
  );
const dependency = (run: string): CloudEvent =>
  cloudEvent("before_stop_depends_container", { container: container("app") }, { run });

describe("examples/participants/mute-alertmanager.mjs, with a real Alertmanager", () => {
  let alertmanager: Alertmanager;
  beforeEach(async () => {
    alertmanager = await startAlertmanager();
    await alertmanager.fire({ alertname: "AppDown", container: "app", host: HOST });
    await alertmanager.fire({ alertname: "Elsewhere", container: "app", host: "other" });
  });
  afterEach(() => alertmanager[Symbol.asyncDispose]());

  const start = (env: Readonly<Record<string, string>> = {}) =>
    startExample("mute-alertmanager.mjs", NAME, {
      NATS_URL: stage.server.url,
      ALERTMANAGER_URL: alertmanager.url,
      ALERT_LABELS: "container={container}, host={host}",
      ...env,
    });
  const told = (...names: readonly string[]) =>
    until(`it tells ${names.join(" and ")}`, async () => {
      const now = await alertmanager.told();
      return now.join() === names.join();
    });

  it("silences the container's alerts until its update has ended, whatever the end", async () => {
    await using _participant = start({ MUTE_S: "600" });
    await told("AppDown", "Elsewhere");
    assert.deepEqual(await answer(beforeUpdateEvent("run-1")), { verdict: "proceed" });
    await told("Elsewhere");
    const [silence] = await alertmanager.silences();
    const lasts = Date.parse(silence?.endsAt ?? "") - Date.now();
    assert.ok(lasts > 300_000 && lasts <= 600_000, String(lasts));
    await finish("update_finished", "run-0");
    await finish("update_finished", "run-1");
    await told("AppDown", "Elsewhere");
  });

  it("silences once, though another participant is given the same event again", async () => {
    await using first = start();
    await answer(beforeUpdateEvent("run-1"));
    first.kill("SIGTERM");
    await first.exited;
    await using second = start();
    await stage.publish(beforeUpdateEvent("run-1"));
    await until("it answers again", () => second.log().includes('"verdict":"proceed"'));
    assert.deepEqual(
      (await alertmanager.silences()).map(({ comment, status }) => [comment, status.state]),
      [[`app on ${HOST} is updated, in run run-1`, "active"]],
    );
  });

  it("silences a service of a swarm, too", async () => {
    await using _participant = start();
    const locals = { service: service("app"), old_image: image("a"), new_image: image("b") };
    assert.deepEqual(await answer(cloudEvent("before_service_update", locals)), { verdict: "proceed" });
    await told("Elsewhere");
  });

  it("ends the silence of a dependency with the run, and at after_update where it is asked there", async () => {
    await using _participant = start();
    await answer(dependency("run-1"));
    await told("Elsewhere");
    await finish("run_finished", "run-1");
    await told("AppDown", "Elsewhere");
    await answer(beforeUpdateEvent("run-2"));
    await told("Elsewhere");
    assert.deepEqual(await answer(afterUpdate("run-2")), { verdict: "proceed" });
    await told("AppDown", "Elsewhere");
  });

  it("puts the update off while Alertmanager is away, and rolls none back for that", async () => {
    await alertmanager[Symbol.asyncDispose]();
    await using _participant = start();
    const { verdict, reason = "" } = await answer(beforeUpdateEvent("run-1"));
    assert.equal(verdict, "defer");
    assert.match(reason, /^Alertmanager: connect ECONNREFUSED/);
    const after = await answer(afterUpdate("run-1"));
    assert.equal(after.verdict, "proceed");
    assert.match(after.reason ?? "", /^not unmuted: Alertmanager: connect ECONNREFUSED/);
  });

  it("says which of its settings cannot be understood, and tells no secret", async () => {
    const cases = [
      [{ ALERT_LABELS: "container" }, /^ALERT_LABELS: "container": needed is NAME=VALUE/],
      [{ ALERTMANAGER_URL: "http://ann:secret@h/" }, /^ALERTMANAGER_URL: credentials do not belong/],
      [{ ALERTMANAGER_URL: "secret" }, /^ALERTMANAGER_URL: an address like/],
      [{ MUTE_S: "soon" }, /^MUTE_S: "soon": a whole number is needed/],
    ] as const;
    for (const [env, says] of cases) {
      await using participant = start(env);
      assert.equal(await participant.exited, 2);
      await until("it has said why", () => participant.log().endsWith("\n"));
      assert.match(participant.log(), says);
      assert.doesNotMatch(participant.log(), /secret/);
    }
  });
});

/** What a participant may do, and no more. */
const CONFINED = `authorization { users: [
  { user: all, password: all },
  { user: mute, password: secret, permissions: {
    publish: [${roles.participant
      .rights(NAME)
      .publish.map(({ subject }) => `"${subject}"`)
      .join(", ")}]
    subscribe: ["_INBOX_mute.>"]
  } }
] }`;

describe("examples/participants/mute-webhook.mjs", () => {
  let receiver: Endpoint;
  beforeEach(async () => {
    receiver = await startEndpoint(() => [200, "ok"]);
  });
  afterEach(() => receiver[Symbol.asyncDispose]());
  const start = (env: Readonly<Record<string, string>> = {}) =>
    startExample("mute-webhook.mjs", NAME, {
      NATS_URL: stage.server.url,
      MUTE_URL: `${receiver.url}/mute`,
      UNMUTE_URL: `${receiver.url}/unmute`,
      MUTE_AUTHORIZATION: "Bearer abc",
      ...env,
    });

  it("tells when to look away, under an id that stays, and when to look again", async () => {
    await using _participant = start();
    assert.deepEqual(await answer(beforeUpdateEvent("run-1")), { verdict: "proceed" });
    await finish("update_finished", "run-1");
    await until("the container's end is told", () => receiver.requests.length === 2);
    await finish("run_finished", "run-1");
    await until("all is told", () => receiver.requests.length === 3);
    const about = { host: HOST, run: "run-1" };
    const said = receiver.requests.map(({ method, path, headers, body }) => {
      assert.equal(headers.authorization, "Bearer abc");
      const { ends_at: end, ...rest } = JSON.parse(body) as Record<string, string>;
      if (path === "/mute") assert.ok(Date.parse(end ?? "") > Date.now());
      return [`${method} ${path}`, rest];
    });
    assert.deepEqual(said, [
      ["POST /mute", { id: "run-1-app", ...about, container: "app" }],
      ["POST /unmute", { id: "run-1-app", ...about, container: "app" }],
      ["POST /unmute", { id: "run-1", ...about }],
    ]);
  });

  it("is told the end also where NATS confines it, from while it was off too, and again where that failed", async () => {
    await stage[Symbol.asyncDispose]();
    stage = await openStage(CONFINED);
    await stage.makeConsumer({ participant: NAME });
    await stage.makeNoticesConsumer(NAME);
    await finish("update_finished", "run-1");
    receiver.answer = () => [receiver.requests.length === 1 ? 503 : 200];
    await using participant = start({ NATS_USER: "mute", NATS_PASSWORD: "secret" });
    await until("it is told again", () => receiver.requests.length === 2, { explain: participant.log });
    assert.deepEqual(receiver.requests.map(({ path }) => path), ["/unmute", "/unmute"]); // prettier-ignore
    assert.equal((await answer(beforeUpdateEvent("run-1"))).verdict, "proceed");
    assert.equal((await answer(afterUpdate("run-1"))).verdict, "proceed");
    assert.deepEqual(
      receiver.requests.slice(2).map(({ path }) => path),
      ["/mute", "/unmute"],
    );
  });

  it("puts the update off where it is not told that it is done", async () => {
    receiver.answer = () => [503, "not now"];
    await using _participant = start();
    assert.deepEqual(await answer(beforeUpdateEvent("run-1")), {
      verdict: "defer",
      reason: "MUTE_URL: status 503: not now",
    });
  });
});
