// The dashboard as browsers and proxies meet it, by HTTP, with a real NATS server and no Engine.
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { parseJson } from "../../../shared/contract/messages.ts";
import { ImageHistory } from "../../../shared/contract/image-history.ts";
import { BUCKETS, STREAMS, heldKey, ledgerKey, subjects } from "../../../shared/contract/subjects.ts";
import { getLastMessage, readMessages } from "../../../shared/nats/jetstream.ts";
import type { ImageList } from "../../../services/dashboard/read/image-ledger.ts";
import type { Process } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import {
  type Browser,
  type DashboardScene,
  EVENT,
  HOST,
  RUN,
  type SceneRole,
  TOKENS,
  hostEntry,
  ledgerEntry,
  openScene,
  openStream,
  readState,
  signIn,
  waiting,
} from "./scene.ts";

const MARKUP = '<img src=x onerror="alert(1)">';

describe("the dashboard", () => {
  let scene: DashboardScene;
  let service: Process;
  let viewer: Browser;
  let approver: Browser;
  let operator: Browser;

  before(async () => {
    scene = await openScene();
    await scene.putHost(HOST, { ...hostEntry(["web", MARKUP]), labels: [`rack=${MARKUP}`] });
    await scene.record({
      kind: "begun",
      plan: `${RUN}-updates_enumerated`,
      mode: "update",
      containers: ["web"],
    });
    await scene.js.publish(
      subjects.open(HOST),
      JSON.stringify({ writer: "w", n: 1, engine_id: "E", run: RUN, plan: "p" }),
    );
    await scene.record(waiting());
    await scene.say("exec_h1", EVENT, { verdict: "proceed", reason: MARKUP });
    service = await scene.start();
    [viewer, approver, operator] = (await Promise.all(
      (["viewer", "approver", "operator"] as const).map((role) => signIn(scene, role)),
    )) as [Browser, Browser, Browser];
  });
  after(() => scene[Symbol.asyncDispose]());

  it("shows what waits: who was asked, who said what, and until when", async () => {
    const { changes } = await readState(viewer, "pending,hosts,runs");
    const pending = changes.find(({ topic }) => topic === "pending")?.value as {
      container: string;
      asked: { name: string; until: string; said?: { verdict: string; reason: string } }[];
    };
    assert.equal(pending.container, "web");
    assert.deepEqual(
      pending.asked.map(({ name, said }) => [name, said?.verdict, said?.reason]),
      [
        ["board", undefined, undefined],
        ["exec_h1", "proceed", MARKUP],
      ],
    );
    assert.ok(Date.parse(pending.asked[0]?.until ?? "") > Date.now());
    const host = changes.find(({ topic }) => topic === "hosts")?.value as { labels: readonly string[] };
    assert.deepEqual(host.labels, [`rack=${MARKUP}`]);
    assert.deepEqual(changes.map(({ topic, key }) => `${topic} ${key}`).sort(), [
      `hosts ${HOST}`,
      `pending ${HOST}/${EVENT}`,
      `runs ${HOST}/${RUN}`,
    ]);
  });

  it("tells nobody anything who is not signed in", async () => {
    for (const path of ["state", "events", "run", "history", "answers", "life", "explain", "images", "image"])
      assert.equal((await fetch(`${scene.url}/api/${path}`)).status, 401, path);
    const me = await fetch(`${scene.url}/api/me`);
    assert.deepEqual([me.status, await me.json()], [401, { sign_in: "token" }]);
    const action = await fetch(`${scene.url}/api/verdict`, { method: "POST", body: "{}" });
    assert.equal(action.status, 401);
  });

  it("serves a page that loads nothing from elsewhere and runs no inline script, in less than 100 KB", async () => {
    const page = await fetch(`${scene.url}/`);
    const text = await page.text();
    assert.match(page.headers.get("content-security-policy") ?? "", /default-src 'none'.*script-src 'self'/);
    assert.equal(page.headers.get("x-content-type-options"), "nosniff");
    assert.doesNotMatch(text, /<script(?![^>]* src=)|https?:|style=/);
    const seen = new Map<string, number>();
    const load = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.set(path, 0);
      const answer = await fetch(`${scene.url}/${path}`, { headers: { "accept-encoding": "gzip" } });
      assert.equal(answer.status, 200, path);
      seen.set(path, Number(answer.headers.get("content-length")));
      const body = await answer.text();
      if (!path.endsWith(".mjs")) return;
      assert.match(answer.headers.get("content-type") ?? "", /^text\/javascript/);
      for (const [, specifier = ""] of body.matchAll(/\bfrom\s*"([^"]+)"/g)) {
        assert.match(specifier, /^\.\.?\//, `${path} imports ${specifier}`);
        await load(new URL(specifier, `${scene.url}/${path}`).pathname.slice(1));
      }
    };
    for (const [, path = ""] of text.matchAll(/(?:src|href)="([^"]+)"/g)) await load(path);
    assert.ok(seen.size > 15 && [...seen.keys()].includes("packages/preact.mjs"));
    const bytes = [...seen.values()].reduce((sum, one) => sum + one, 0);
    assert.ok(bytes > 10_000 && bytes < 100_000, `${bytes} bytes`);
    const etag = (await fetch(`${scene.url}/page/style.css`)).headers.get("etag") ?? "";
    const again = await fetch(`${scene.url}/page/style.css`, { headers: { "if-none-match": etag } });
    assert.equal(again.status, 304);
  });

  it("keeps the session in a cookie that no script and no other site gets", async () => {
    const answer = await fetch(`${scene.url}/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: TOKENS.viewer }),
    });
    assert.match(
      answer.headers.get("set-cookie") ?? "",
      /^ouroboros_session=[\w-]{43};.*HttpOnly; SameSite=Strict$/,
    );
    assert.deepEqual(await answer.json(), { name: "vera", role: "viewer" });
  });

  {
    const tries: readonly [string, object, SceneRole][] = [
      ["/api/verdict", { host: "none", event: "none", verdict: "proceed" }, "approver"],
      ["/api/check", { host: "none" }, "operator"],
      ["/api/update", { host: "none", container: "web" }, "operator"],
      ["/api/rollback", { host: "none", container: "web" }, "operator"],
      ["/api/snooze", { what: "never", for_s: 0 }, "operator"],
    ];
    const order: readonly SceneRole[] = ["viewer", "approver", "operator"];
    for (const [path, body, needed] of tries)
      it(`takes ${path} from ${needed}, and from no lower role`, async () => {
        for (const role of order) {
          const browser = { viewer, approver, operator }[role];
          const { status } = await browser.post(path, body);
          const isAllowed = order.indexOf(role) >= order.indexOf(needed);
          assert.equal(status === 403, !isAllowed, `${role}: ${status}`);
        }
      });
  }

  {
    const verdict = { host: HOST, event: EVENT, verdict: "refuse", reason: "forged" };
    const cases: readonly [string, Readonly<Record<string, string>>][] = [
      ["without the token of the page", { "x-csrf-token": "" }],
      ["with the token of another session", { "x-csrf-token": "x".repeat(43) }],
      ["with another origin", { origin: "https://evil.example" }],
      ["as the browser says", { "sec-fetch-site": "cross-site" }],
      ["from another port of this host", { "sec-fetch-site": "same-site" }],
    ];
    for (const [what, headers] of cases)
      it(`refuses what a page of another site makes a browser send: ${what}`, async () => {
        const answer = await approver.post("/api/verdict", verdict, headers);
        assert.equal(answer.status, 403);
      });
    it("refuses a form, which cannot send JSON", async () => {
      const answer = await approver.post("/api/verdict", verdict, { "content-type": "text/plain" });
      assert.equal(answer.status, 415);
    });
    it("has decided nothing by any of these", async () => {
      const manager = await jetstreamManager(scene.nats);
      const subject = subjects.verdict(HOST, "operator", EVENT);
      assert.equal(await getLastMessage(manager, STREAMS.verdicts, subject), undefined);
    });
  }

  it("says what is wrong with a request, and does nothing", async () => {
    const wrong: readonly [object, number, RegExp][] = [
      [{ host: HOST, event: EVENT, verdict: "maybe" }, 400, /verdict/],
      [{ host: HOST, event: EVENT, verdict: "refuse" }, 409, /say why/],
      [{ host: HOST, event: `${EVENT}x`, verdict: "proceed" }, 409, /not pending/],
      [
        { host: HOST, event: EVENT, verdict: "defer", reason: "later", retry_after_s: -1 },
        400,
        /retry_after_s/,
      ],
    ];
    for (const [body, status, because] of wrong) {
      const answer = await approver.post("/api/verdict", body);
      assert.equal(answer.status, status);
      assert.match(((await answer.json()) as { because: string }).because, because);
    }
    const huge = await approver.post("/api/verdict", {
      host: HOST,
      event: EVENT,
      verdict: "refuse",
      reason: "x".repeat(70_000),
    });
    assert.equal(huge.status, 413);
    const missing = await operator.post("/api/update", { host: "nowhere", container: "web" });
    assert.equal(missing.status, 409);
    assert.match(await missing.text(), /poller does not answer/);
    assert.equal((await viewer.get("/api/explain?host=nowhere&container=web")).status, 404);
  });

  it("goes on where a page was, sends nothing twice, and each thing as it is then", async () => {
    const { id } = await readState(viewer, "pending,lines");
    const path = `/api/events?topics=pending,lines&after=${id}`;
    let last: string;
    {
      await using stream = await openStream(scene, viewer, { path });
      const seq = await scene.record({ kind: "did", container: "web", step: "pull apps/web", ms: 5 });
      await until("the line is there", () => stream.changes().some(({ key }) => key === String(seq)), {
        within: 10_000,
      });
      assert.deepEqual(
        stream.changes().map(({ key }) => key),
        [String(seq)],
      );
      last = stream.lastId();
    }
    const away = await scene.record({
      kind: "did",
      container: "web",
      step: "a step while nobody looked",
      ms: 5,
    });
    await scene.say("board", EVENT, { verdict: "defer", reason: "not before noon" });
    const said = () =>
      readState(viewer, "pending").then(({ changes }) => JSON.stringify(changes).includes("not before noon"));
    await until("the verdict is read", said, { within: 10_000 });
    await using back = await openStream(scene, viewer, { path, lastId: last });
    await until("both have come", () => back.changes().length >= 2, { within: 10_000 });
    assert.deepEqual(
      back
        .changes()
        .map(({ topic, key }) => `${topic} ${key}`)
        .sort(),
      [`lines ${away}`, `pending ${HOST}/${EVENT}`],
    );
    assert.match(JSON.stringify(back.changes()), /not before noon/);
  });

  it("answers to HEAD without a stream that nobody reads", async () => {
    const answer = await fetch(`${scene.url}/api/events?topics=lines`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${TOKENS.viewer}` },
    });
    assert.equal(answer.status, 405);
  });

  it("has a page begin anew whose position is of other streams, or none", async () => {
    for (const after of ["", "nonsense", "other.1.1.1.1.1"]) {
      await using stream = await openStream(scene, viewer, {
        path: `/api/events?topics=lines&after=${after}`,
      });
      await until("it is told", () => stream.events.some(({ event }) => event === "reset"), {
        within: 10_000,
      });
    }
  });

  it("goes on after a restart of the service and of NATS, with the same session and the same position", async () => {
    const { id } = await readState(viewer, "lines");
    service.kill("SIGKILL");
    await service.exited;
    const before = await scene.record({ kind: "did", container: "web", step: "while it was down", ms: 1 });
    service = await scene.start();
    await readState(viewer, "lines");
    await using stream = await openStream(scene, viewer, { path: `/api/events?topics=lines&after=${id}` });
    await until("what it missed is there", () => stream.changes().length > 0, { within: 10_000 });
    assert.deepEqual(
      stream.changes().map(({ key }) => key),
      [String(before)],
    );
    await scene.server.kill("SIGKILL");
    await until("the page is told that it is behind", () =>
      stream.events.some(({ data }) => /"state":"away"/.test(data)),
    );
    await scene.server.restart();
    const later = await scene.record({ kind: "did", container: "web", step: "after NATS was back", ms: 1 });
    await until("it goes on", () => stream.changes().some(({ key }) => key === String(later)));
    assert.deepEqual(
      stream.changes().map(({ key }) => key),
      [String(before), String(later)],
    );
    await until("the page is told that it is up to date", () =>
      /"state":"live"/.test(stream.events.findLast(({ event }) => event === "status")?.data ?? ""),
    );
  });

  it("shows the containers with what is held and what the journal has told since the last poll", async () => {
    await scene.held.put(
      heldKey(HOST, "web"),
      JSON.stringify({ digest: "sha256:b", because: "no", by: "board", until: null, tries: 1 }),
    );
    const containers = async () => {
      const { changes } = await readState(viewer, "containers");
      return changes[0]?.value as { name: string; runs: string; newer: string | null; held: unknown }[];
    };
    const held = await until("the hold is shown", async () => {
      const [web] = await containers();
      return web?.held !== null && web;
    });
    assert.deepEqual([held?.runs, held?.newer], ["1.0", "sha256:bbbbbbbbbbbb"]);
    await scene.record({
      ...{ kind: "ended", container: "web", end: "updated", because: "it has proved itself" },
      ...{ to_version: "2.0", from_version: "1.0", downtime_ms: 900 },
    });
    const updated = await until("the update is shown", async () => {
      const [web] = await containers();
      return web?.runs === "2.0" && web;
    });
    assert.equal(updated.newer, null);
    const history = (await (await viewer.get("/api/history")).json()) as {
      ends: { container: string; downtime_ms: number }[];
    };
    assert.deepEqual(
      history.ends.map(({ container, downtime_ms }) => [container, downtime_ms]),
      [["web", 900]],
    );
    const run = (await (await viewer.get(`/api/run?host=${HOST}&run=${RUN}`)).json()) as {
      records: unknown[];
    };
    assert.ok(run.records.length > 5);
  });

  it("shows what the ledgers of the hosts know of each image, and the history of one", async () => {
    const about = { containers: 2, behind: 1, digests: 2, updated: 2, failed: 2 };
    for (const image of ["apps/web:latest", MARKUP]) await scene.putLedger(HOST, ledgerEntry(image));
    const bucket = await new Kvm(scene.js).open(BUCKETS.ledger);
    await bucket.put(ledgerKey(HOST, "apps/db:16", "linux/amd64"), "no entry");
    await bucket.put(ledgerKey(HOST, "apps/db:16", "linux/arm64"), JSON.stringify(ledgerEntry("another")));
    const onTag = { since: "2026-11-20T10:00:00Z", seen: "2026-11-30T10:00:00Z" };
    const list = (await (await viewer.get("/api/images")).json()) as ImageList;
    assert.deepEqual([list.read, list.of], [1, 1]);
    assert.deepEqual(
      list.images,
      [MARKUP, "apps/web:latest"].map((image) => ({
        ...{ image, platforms: ["linux/amd64"], hosts: 1, ...about },
        on_tag: { digest: `sha256:${"b".repeat(12)}`, ...onTag },
      })),
    );
    const found = await viewer.get(`/api/image?${new URLSearchParams({ image: MARKUP }).toString()}`);
    const { image, digests } = ImageHistory.parse(await found.json());
    assert.equal(image, MARKUP);
    assert.deepEqual(
      digests.map(({ digest, seen_by: by, ends }) => [digest[7], by, ends]),
      [
        ["b", [HOST], { updated: { times: 1, hosts: [HOST] }, rolled_back: { times: 2, hosts: [HOST] } }],
        ["a", [HOST], { updated: { times: 1, hosts: [HOST] } }],
      ],
    );
    assert.equal((await viewer.get("/api/image")).status, 400);
  });

  it("decides as the operator, with the name of who did; what is decided waits no more", async () => {
    assert.equal(
      (
        await approver.post("/api/verdict", {
          host: HOST,
          event: EVENT,
          verdict: "refuse",
          reason: `no ${MARKUP}`,
        })
      ).status,
      200,
    );
    const manager = await jetstreamManager(scene.nats);
    const stored = await getLastMessage(manager, STREAMS.verdicts, subjects.verdict(HOST, "operator", EVENT));
    assert.deepEqual(parseJson(stored?.string() ?? ""), {
      verdict: "refuse",
      reason: `no ${MARKUP} (by anna)`,
    });
    await scene.record({
      ...{ kind: "decided", event: EVENT, hook: "before_update", container: "web", verdict: "refuse" },
      ...{
        by: "operator",
        reason: "no (by anna)",
        verdicts: [{ participant: "operator", verdict: "refuse", ms: 1 }],
      },
    });
    await until("nothing waits", async () => (await readState(viewer, "pending")).changes.length === 0);
    const late = await approver.post("/api/verdict", { host: HOST, event: EVENT, verdict: "proceed" });
    assert.equal(late.status, 409);
    const answers = (await (await viewer.get("/api/answers")).json()) as Record<string, { refuse: number }>;
    assert.equal(answers["operator"]?.refuse, 1);
  });

  it("sends an operator's commands to the poller, with the name, and silences notifications", async () => {
    const asked: unknown[] = [];
    const poller = scene.nats.subscribe(subjects.command(HOST, "poller", "*"), {
      callback: (_, message) => {
        asked.push([message.subject.split(".").at(-1), parseJson(message.string())]);
        message.respond(JSON.stringify({ kind: "left", because: MARKUP, containers: [] }));
      },
    });
    const update = await operator.post("/api/update", { host: HOST, container: "web" });
    assert.deepEqual(await update.json(), { ok: true, kind: "left", because: MARKUP }); // as text
    assert.equal((await operator.post("/api/check", { host: HOST })).status, 200);
    poller.unsubscribe();
    assert.deepEqual(asked, [
      ["update", { command: "update", container: "web", by: "olaf" }],
      ["look", { command: "look", fresh: true }],
    ]);
    assert.equal((await operator.post("/api/snooze", { what: "web", for_s: 60 })).status, 200);
    const manager = await jetstreamManager(scene.nats);
    const bucket = BUCKETS.observers;
    const snoozed = await getLastMessage(manager, `KV_${bucket}`, `$KV.${bucket}.notifier.snooze.web`);
    assert.match(snoozed?.string() ?? "", /"what":"web"/);
  });

  it("takes a token in a header, for programs, and limits wrong tries", async () => {
    const ask = (token: string) =>
      fetch(`${scene.url}/api/state?topics=hosts`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal((await ask(TOKENS.viewer)).status, 200);
    const statuses: number[] = [];
    for (let one = 0; one < 7; one += 1) statuses.push((await ask(`wrong-${one}`)).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429]);
    const login = await fetch(`${scene.url}/auth/login`, {
      method: "POST",
      body: JSON.stringify({ token: TOKENS.viewer }),
    });
    assert.equal(login.status, 429);
    assert.ok(Number(login.headers.get("retry-after")) > 0);
    assert.equal((await viewer.get("/api/state?topics=hosts")).status, 200, "who is signed in stays so");
  });

  it("signs out", async () => {
    assert.equal((await viewer.post("/auth/logout", {})).status, 200);
    assert.equal((await viewer.get("/api/state")).status, 401);
  });

  it("writes no token and no session into its log or into NATS", async () => {
    const manager = await jetstreamManager(scene.nats);
    const secrets = [...Object.values(TOKENS), operator.cookie.split("=")[1] ?? "", operator.csrf];
    const stored: string[] = [];
    for await (const message of readMessages(
      manager,
      `KV_${BUCKETS.observers}`,
      `$KV.${BUCKETS.observers}.>`,
    ))
      stored.push(`${message.subject} ${message.string()}`);
    assert.ok(stored.some((text) => text.includes("dashboard.session")));
    for (const secret of secrets) {
      assert.ok(secret.length > 20);
      assert.ok(!service.log().includes(secret) && !stored.join("\n").includes(secret));
    }
  });
});
