import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, it } from "mocha";
import { until } from "../../support/until.ts";
import { HOST, type NotifierScene, openScene } from "./scene.ts";
import { itInFullRun } from "../../support/full-run.ts";

const SHORT = { one: "1".repeat(12), two: "2".repeat(12) };

describe("ouroboros notifier", () => {
  let scene: NotifierScene;
  afterEach(() => scene[Symbol.asyncDispose]());

  it("sends the three messages of Ouroboros 1: started, detected, updated", async () => {
    scene = await openScene();
    await scene.start({ SKIP_STARTUP_NOTIFICATIONS: "", TZ: "Europe/Berlin" });
    const [startup] = await scene.receives(1);
    assert.equal(startup?.title, "Ouroboros has started");
    assert.match(
      startup.message,
      /^Host: home\nTime: .+ Central European .+\nNext Run: Tuesday, May 5, 2099 .+$/,
    );
    await scene.updateEnds(
      { name: "db", end: "noted", to: null, to_digest: `a/db@sha256:${"3".repeat(64)}` },
      "01a",
      "monitor",
    );
    await scene.runEnds("01a");
    await scene.receives(2);
    await scene.updateEnds({ name: "web" }, "01b");
    await scene.updateEnds({ name: "api", end: "refused", by: "board", because: "not today" }, "01b");
    await scene.runEnds("01b");
    const [, found, updated] = await scene.receives(3);
    assert.deepEqual(
      [found?.title, found?.message.split("\n")],
      [
        "Ouroboros has detected updates!",
        [
          "Host/Socket: home / /var/run/docker.sock",
          "Containers Monitored: 7",
          "Total Containers Updated: 0",
          `db updated from ${SHORT.one} to ${"3".repeat(12)} (1.4.2 → 1.5.0)`,
        ],
      ],
    );
    assert.deepEqual(
      [updated?.title, updated?.type, updated?.message.split("\n")],
      [
        "Ouroboros has updated containers!",
        "warning",
        [
          "Host/Socket: home / /var/run/docker.sock",
          "Containers Monitored: 7",
          "Total Containers Updated: 1",
          "Containers updated this pass: 1",
          `web updated from ${SHORT.one} to ${SHORT.two} (1.4.2 → 1.5.0)`,
          "api was not updated: board refused: not today",
        ],
      ],
    );
  });

  it("tells a rollback that the operator asked for as one, which is not among the updates", async () => {
    scene = await openScene();
    const because = "rolled back by the operator; the new container proved itself";
    for (const [language, title, total, sentence] of [
      [
        "en_US",
        "Ouroboros has rolled containers back!",
        "Total Containers Updated",
        "was rolled back by the operator from",
      ],
      [
        ...["es_ES", "¡Ouroboros ha devuelto contenedores a la versión anterior!"],
        ...["Total de contenedores actualizados", "devuelto por el operador de"],
      ],
    ] as const) {
      await using _notifier = await scene.start({ LANGUAGE: language });
      await scene.updateEnds({ name: "web", by: "operator", because }, language);
      await scene.runEnds(language);
      const message = (await scene.receives(language === "en_US" ? 1 : 2)).at(-1);
      assert.deepEqual([message?.title, message?.type], [title, "info"]);
      assert.deepEqual(message?.message.split("\n").slice(2), [
        `${total}: 0`,
        `web ${sentence} ${SHORT.one} ${language === "en_US" ? "to" : "a"} ${SHORT.two} (1.4.2 → 1.5.0)`,
      ]);
    }
  });

  it("says nothing at its start where that is asked for", async () => {
    scene = await openScene();
    await scene.start();
    await scene.updateEnds({ name: "web" });
    await scene.runEnds();
    const messages = await scene.receives(1);
    assert.deepEqual(
      messages.map(({ title }) => title),
      ["Ouroboros has updated containers!"],
    );
  });

  it("speaks Spanish", async () => {
    scene = await openScene();
    await scene.start({ LANGUAGE: "es_ES" });
    await scene.updateEnds({ name: "web" });
    await scene.runEnds();
    const [message] = await scene.receives(1);
    assert.equal(message?.title, "¡Ouroboros ha actualizado contenedores!");
    assert.match(message.message, /web actualizado de 1{12} a 2{12}/);
  });

  it("tells at once what needs a person: stuck, and an event that waits, with the command that decides", async () => {
    scene = await openScene();
    await scene.start({ NOTIFY_WAITING: "1s" });
    await scene.updateEnds({ name: "web", end: "stuck", because: "its port is taken" });
    const asked = { timeout_ms: 1, max_ms: 1, on_timeout: "refuse" as const };
    const waiting = { kind: "waiting", hook: "before_update", container: "web" } as const;
    const scripts = { ...asked, name: `exec_${HOST}` };
    await scene.record({
      ...waiting,
      event: "01run-before_update-web",
      participants: [{ ...asked, name: "board" }, scripts],
    });
    await scene.record({ ...waiting, event: "01run-before_update-api", participants: [scripts] });
    await scene.record({
      ...waiting,
      event: "01run-before_update-db",
      participants: [{ ...asked, name: "board" }],
    });
    await scene.record({
      ...{ kind: "decided", hook: "before_update", container: "db", event: "01run-before_update-db" },
      ...{ verdict: "proceed", verdicts: [] },
    });
    const all = await scene.receives(2);
    const stuck = all.find(({ title }) => title === "Ouroboros needs you");
    const waits = all.find(({ title }) => title === "Ouroboros waits for an answer");
    assert.match(
      stuck?.message ?? "",
      /^h1: web is stuck: its port is taken\. .+ouroboros repair web --host h1$/,
    );
    assert.match(
      waits?.message ?? "",
      /^h1: before_update of web has waited for board since .+ouroboros verdict 01run-before_update-web proceed --host h1$/,
    );
    await sleep(2000);
    assert.equal(scene.received().length, 2);
  });

  itInFullRun(
    "tells of a registry in the second check without an answer, of an overdue host, and of a new major version, once each",
    async () => {
      scene = await openScene();
      await scene.start();
      const failing = (looked_at: string) => ({
        cycle: {
          looked_at,
          ...{
            socket: "unix:///x",
            mode: "update" as const,
            next_poll: null,
            monitored: 1,
            unanswered: 1,
            updates: [],
          },
          failures: [{ because: "ghcr.io: 401: access denied", containers: ["web"] }],
        },
      });
      await scene.putHost("h2", failing("2026-01-01T00:00:00Z"));
      await scene.putHost("h3", {
        cycle: { ...failing("").cycle, failures: [], next_poll: "2026-01-01T00:00:00Z" },
      });
      const [overdue] = await scene.receives(1);
      assert.deepEqual(
        [overdue?.title, /ouroboros host forget h3/.test(overdue?.message ?? "")],
        ["A host is not heard of", true],
      );
      await scene.putHost("h2", failing("2026-01-01T00:05:00Z"));
      const [, registry] = await scene.receives(2);
      assert.equal(registry?.message, "h2: no answer about web: ghcr.io: 401: access denied");
      const web = { container: "web", image: "ghcr.io/acme/web:1.4.2" };
      const shows = (beyond: string) => ({
        cycle: { ...failing("2026-01-01T00:10:00Z").cycle, failures: [], containers: [{ ...web, beyond }] },
      });
      await scene.putHost("h4", shows("2.0.0"));
      const [, , major] = await scene.receives(3);
      assert.equal(
        `${major?.title}\n${major?.message}`,
        "There is a version that no tag policy takes\nh4: ghcr.io/acme/web:2.0.0 is there, beyond the tag policy of web (h4)",
      );
      await scene.putHost("h4", shows("2.0.1"));
      await scene.putHost("h4", shows("3.0.0"));
      const [, , , next] = await scene.receives(4);
      assert.match(next?.message ?? "", /web:3\.0\.0 is there/);
    },
  );

  it("keeps what a target does not take, and sends it once when it is back, whoever was killed meanwhile", async () => {
    scene = await openScene();
    const answer = scene.endpoint.answer;
    scene.endpoint.answer = () => [503];
    const first = await scene.start();
    for (const run of ["01a", "01b", "01c", "01d", "01e", "01f", "01g"]) {
      await scene.updateEnds({ name: "web" }, run);
      await scene.runEnds(run);
    }
    await until("it was tried", () => scene.endpoint.requests.length > 0);
    await until("it is told", () => /does not take notifications/.test(first.log()));
    assert.doesNotMatch(first.log(), /planted-token/);
    first.kill("SIGKILL");
    await first.exited;
    scene.endpoint.answer = answer;
    await scene.start();
    const [summary] = await scene.receives(1);
    assert.equal(summary?.title, "Ouroboros: 7 updated, 0 to look at");
    await sleep(3000);
    assert.equal(scene.received().length, 1);
  });

  itInFullRun("sends each message once where several notifiers run", async () => {
    scene = await openScene();
    for (let n = 0; n < 3; n++) await scene.start();
    for (const run of ["01a", "01b", "01c"]) {
      await scene.updateEnds({ name: "web" }, run);
      await scene.updateEnds({ name: "db" }, run);
      await scene.runEnds(run);
    }
    await until(
      "all six are told",
      () =>
        scene
          .received()
          .map(({ message }) => message)
          .join("\n")
          .split(" updated from ").length === 7,
    );
    await sleep(3000);
    assert.ok(scene.received().length <= 3, JSON.stringify(scene.received()));
  });

  itInFullRun("sends a digest at its time, for all hosts in one message", async () => {
    scene = await openScene();
    await scene.start({ NOTIFY: "*=digest", NOTIFY_DIGEST: "* * * * *" });
    await scene.updateEnds({ name: "web" }, "01a");
    await scene.updateEnds({ name: "db", end: "failed", because: "no space" }, "01b");
    const [digest] = await scene.receives(1);
    assert.equal(digest?.title, "Ouroboros: 1 updated, 1 to look at");
    assert.match(digest.message, /h1: web updated from .+\nh1: db could not be updated: no space$/);
  });

  it("takes texts of one's own, and sends nothing where nothing comes of one", async () => {
    scene = await openScene();
    const folder = await mkdtemp(join(tmpdir(), "texts-"));
    await writeFile(
      join(folder, "run.liquid"),
      "{% if updated.size > 0 %}{{ updated[0].name }} is new\nindeed{% endif %}",
    );
    await scene.start({ NOTIFY_TEMPLATES: folder });
    await scene.updateEnds({ name: "api", end: "refused" }, "01a");
    await scene.runEnds("01a");
    await scene.updateEnds({ name: "web" }, "01b");
    await scene.runEnds("01b");
    const [message] = await scene.receives(1);
    assert.deepEqual([message?.title, message?.message], ["web is new", "indeed"]);
    await writeFile(join(folder, "run.liquid"), "{% if %}");
    const broken = await scene.start({ NOTIFY_TEMPLATES: folder });
    assert.equal(await broken.exited, 1);
    assert.match(broken.stderrText(), /NOTIFY_TEMPLATES: run\.liquid cannot be used/);
    await rm(folder, { recursive: true });
  });

  it("names a URL that Apprise does not know, without its secrets, and goes on with the others", async () => {
    scene = await openScene();
    const port = new URL(scene.endpoint.url).port;
    const notifier = await scene.start({
      NOTIFIERS: `nonsense://planted-token@x json://127.0.0.1:${port}/planted-token`,
    });
    await until("it is named", () => /nonsense \(1 of 2\)/.test(notifier.log()));
    await scene.updateEnds({ name: "web" });
    await scene.runEnds();
    await scene.receives(1);
    assert.doesNotMatch(notifier.log(), /planted-token/);
  });

  itInFullRun("sends by a running apprise-api, as its documentation has it", async () => {
    scene = await openScene();
    await scene.start({ NOTIFIERS: "ntfy://planted-token", APPRISE_API_URL: `${scene.endpoint.url}/key` });
    await scene.updateEnds({ name: "web" });
    await scene.runEnds();
    await scene.receives(1);
    const [request] = scene.endpoint.requests;
    const { urls, title, type, format } = JSON.parse(request?.body ?? "{}") as Record<string, string>;
    assert.deepEqual(
      [request?.method, request?.path, urls, title, type, format],
      [
        "POST",
        "/key/notify/",
        "ntfy://planted-token",
        "Ouroboros has updated containers!",
        "success",
        "text",
      ],
    );
  });
});
