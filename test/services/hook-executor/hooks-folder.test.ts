import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import "../../bed/bed.ts"; // It starts scripts.
import type { HookEvent } from "../../../services/hook-executor/hook-event.ts";
import { findScripts } from "../../../services/hook-executor/scripts.ts";
import { type HookName, eventNames } from "../../../shared/contract/hooks.ts";
import { HOOKS, examplesOf } from "./hook-readmes.ts";
import {
  type HooksFolder,
  type Ran,
  cloudEvent,
  container,
  hookEvent,
  hooksFolder,
  image,
  linesOf,
  noticeOf,
  remoteImage,
  runScripts,
  service,
  updateFinished,
} from "./scene.ts";

const old = image("a");
const pulled = image("b", ["registry.lab:5000/app:1"]);
const versioned = (letter: string, version: string) => ({
  ...image(letter),
  labels: { "org.opencontainers.image.version": version },
});
const updateable = ["web", "app", "db"].map((name) => ({
  container: container(name),
  current_image: old,
  latest_image: remoteImage("b"),
}));
const serviceUpdate = {
  service: service("shop"),
  current_image: remoteImage("a"),
  latest_image: remoteImage("b"),
};
const postgres = { ...container("db"), image: "postgres:17" };

const enumerated = event("updates_enumerated", {
  updateable,
  depends_on_containers: [container("queue")],
  hard_depends_on_containers: [],
});
const enumeratedInSwarm = event("updates_enumerated", {
  updateable,
  updateable_services: [serviceUpdate],
  depends_on_containers: [],
  hard_depends_on_containers: [],
});
const beforeUpdate = event("before_update", {
  old_container: container("app"),
  old_image: versioned("a", "1.9.0"),
  new_image: versioned("b", "2.0.0"),
});

const aboutService = (hook: "before_service_update" | "after_service_update", labels = {}) =>
  event(hook, {
    service: { ...service("shop"), labels },
    old_image: remoteImage("a"),
    new_image: remoteImage("b"),
  });

function event<N extends HookName>(hook: N, locals: Parameters<typeof cloudEvent<N>>[1]): HookEvent {
  return hookEvent(hook, cloudEvent(hook, locals));
}
const verdict = ({ verdict: { verdict: word, reason = "" } }: Ran) => `${word}: ${reason}`;

describe("the hooks folder that comes with the program", () => {
  it("runs nothing until someone puts a script into it", async () => {
    for (const event of eventNames) assert.deepEqual(await findScripts(HOOKS, event), []);
  });
});

describe("the example", () => {
  let folder: HooksFolder;
  let web: Server;
  let url: string;
  let asked: string[];
  beforeEach(async () => {
    folder = await hooksFolder();
    asked = [];
    web = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        asked.push(`${request.method ?? ""} ${request.url ?? ""} ${body}`);
        response.writeHead(asked.length > 1 || request.url === "/chat" ? 200 : 503).end();
      });
    }).listen(0, "127.0.0.1");
    await once(web, "listening");
    url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    web.closeAllConnections();
    web.close();
    await folder[Symbol.asyncDispose]();
  });
  const tried = new Set<string>();
  /** Runs one example as it is, under the name without `.example`. */
  const run = async (name: string, of: HookEvent, env: NodeJS.ProcessEnv = {}) => {
    tried.add(`${of.hook}/${name}.example`);
    const text = await readFile(join(HOOKS, of.hook, `${name}.example`), "utf8");
    await folder.put(`${of.hook}/${name}`, text);
    return runScripts(folder, { HOOK_ENV: Object.keys(env).join(" "), ...env }, of);
  };

  it("quiet-hours.py defers until they are over", async () => {
    const from = Date.now();
    const at = (hours: number) => new Date(from + hours * 3_600_000).toISOString().slice(11, 16);
    const between = (begin: string, end: string) =>
      run("quiet-hours.py", enumerated, { QUIET_HOURS: `${begin}-${end}`, TZ: "UTC" });
    const ran = await between(at(-2), at(2));
    assert.equal(verdict(ran), `defer: quiet-hours.py: quiet hours until ${at(2)}`);
    const seconds = ran.verdict.retry_after_s ?? 0;
    assert.ok(seconds > 3600 && seconds <= 7200, String(seconds));
    assert.equal(verdict(await between(at(2), at(3))), "proceed: ");
  });

  it("freeze.sh defers while the file is there", async () => {
    assert.equal(verdict(await run("freeze.sh", enumerated)), "proceed: ");
    await folder.put("FREEZE", "until the fair is over\n");
    assert.equal(
      verdict(await run("freeze.sh", enumerated)),
      "defer: freeze.sh: frozen: until the fair is over",
    );
  });

  it("list.py prints the updates", async () => {
    const lines = linesOf(await run("list.py", enumerated));
    assert.equal(lines[0], "web: sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb ['registry.lab:5000/app:1']");
    assert.equal(lines.at(-1), "stopped meanwhile: queue");
    const inSwarm = linesOf(await run("list.py", enumeratedInSwarm));
    assert.match(inSwarm.at(-1) ?? "", /^shop: sha256:a{12} -> sha256:b{12}/);
  });

  it("one-at-a-time.mjs lets the first through", async () => {
    const { verdict: said } = await run("one-at-a-time.mjs", enumerated);
    assert.deepEqual([said.verdict, Object.keys(said.containers ?? {})], ["proceed", ["db", "web"]]);
    const { verdict: inSwarm } = await run("one-at-a-time.mjs", enumeratedInSwarm);
    assert.deepEqual(Object.keys(inSwarm.containers ?? {}), ["db", "shop", "web"]);
  });

  it("10-disk-space.sh defers when it is short", async () => {
    assert.equal(verdict(await run("10-disk-space.sh", beforeUpdate, { MIN_FREE_MB: "1" })), "proceed: ");
    assert.match(
      verdict(await run("10-disk-space.sh", beforeUpdate, { MIN_FREE_MB: "999999999" })),
      /^defer: 10-disk-space.sh: only \d+ MB are free on \/$/,
    );
  });

  it("20-dump-postgres.py refuses where it cannot dump", async () => {
    const database = event("before_update", { old_container: postgres, old_image: old, new_image: pulled });
    assert.match(
      verdict(await run("20-dump-postgres.py", database, { BACKUP_DIR: folder.path })),
      /^refuse: 20-dump-postgres.py: no backup, no update: 'exec_run' is not known .*mount the Docker socket/,
    );
    assert.equal(verdict(await run("20-dump-postgres.py", beforeUpdate)), "proceed: ");
  });

  it("30-no-new-major.mjs refuses a new major version", async () => {
    assert.equal(
      verdict(await run("30-no-new-major.mjs", beforeUpdate)),
      "refuse: 30-no-new-major.mjs: major version 2 after 1: to be updated by hand",
    );
    const minor = {
      old_container: container("app"),
      old_image: versioned("a", "v2.1.0"),
      new_image: versioned("b", "v2.2.0"),
    };
    assert.equal(verdict(await run("30-no-new-major.mjs", event("before_update", minor))), "proceed: ");
  });

  it("10-all-tasks-run.py defers where it cannot count them", async () => {
    assert.match(
      verdict(await run("10-all-tasks-run.py", aboutService("before_service_update"))),
      /^defer: 10-all-tasks-run.py: its tasks cannot be counted: 'tasks' is not known of service shop/,
    );
  });

  it("10-smoke-test.mjs of after_service_update asks until there are three good answers in a row", async () => {
    const smoke = (labels = {}) => run("10-smoke-test.mjs", aboutService("after_service_update", labels));
    assert.equal(verdict(await smoke()), "proceed: ");
    assert.equal(verdict(await smoke({ "smoke-test.url": `${url}/health` })), "proceed: ");
    assert.deepEqual(
      asked,
      Array.from({ length: 4 }, () => "GET /health "),
    );
  });

  const updated = (labels: Record<string, string> = {}) =>
    event("after_update", {
      old_container: container("app"),
      old_image: old,
      new_image: pulled,
      new_container: { ...container("app", "d".repeat(64)), labels },
    });

  it("10-smoke-test.mjs asks until there is a good answer", async () => {
    assert.equal(verdict(await run("10-smoke-test.mjs", updated())), "proceed: ");
    assert.equal(
      verdict(await run("10-smoke-test.mjs", updated({ "smoke-test.url": `${url}/health` }))),
      "proceed: ",
    );
    assert.deepEqual(asked, ["GET /health ", "GET /health "]);
  });

  it("80-history.sh keeps a list", async () => {
    await run("80-history.sh", updated(), { HISTORY_FILE: join(folder.path, "out/history") });
    assert.match(
      (await folder.left("history")) ?? "",
      /^\d{4}-\S+Z\tapp\tregistry.lab:5000\/app:1\tsha256:a{64}\tsha256:b{64}\n$/,
    );
  });

  it("90-chat.mjs tells the chat, and does not mind if that is away", async () => {
    assert.equal(verdict(await run("90-chat.mjs", updated(), { CHAT_WEBHOOK: `${url}/chat` })), "proceed: ");
    const text = "app on web-01.example.com was updated from sha256:aaaaaaaaaaaa to sha256:bbbbbbbbbbbb";
    assert.deepEqual(asked, [`POST /chat ${JSON.stringify({ text })}`]);
    assert.equal(verdict(await run("90-chat.mjs", updated())), "proceed: ");
  });

  const over = (result: Parameters<typeof updateFinished>[1]) =>
    hookEvent("update_finished", updateFinished("run-1", result));

  it("90-chat.mjs of update_finished tells the chat how each update has ended, and fails alone", async () => {
    const env = { CHAT_WEBHOOK: `${url}/chat` };
    await run("90-chat.mjs", over({}), env);
    await run("90-chat.mjs", over({ end: "rolled_back", because: "it exited", from_version: null }), env);
    await run("90-chat.mjs", over({ end: "refused", because: "freeze", to: null, to_version: null, downtime_ms: null }), env); // prettier-ignore
    await run("90-chat.mjs", over({ end: "noted" }), env);
    await run("90-chat.mjs", over({ by: "operator", because: "rolled back by the operator; it runs" }), env);
    const texts = [
      "app on web-01.example.com: 1.4.2 → 1.5.0, down 0.2 s",
      "app on web-01.example.com: rolled_back (aaaaaaaaaaaa → 1.5.0, down 0.2 s): it exited",
      "app on web-01.example.com: refused (1.4.2 → an unknown image): freeze",
      "app on web-01.example.com: rolled back by the operator, 1.4.2 → 1.5.0, down 0.2 s",
    ];
    assert.deepEqual(asked, texts.map((text) => `POST /chat ${JSON.stringify({ text })}`)); // prettier-ignore
    const failed = await run("90-chat.mjs", over({}), { CHAT_WEBHOOK: "http://127.0.0.1:1/" });
    assert.ok(failed.log.some(({ level, reason }) => level === 40 && /fetch failed/.test(String(reason))));
  });

  it("90-heartbeat.py tells that a run is over, and whether something went wrong", async () => {
    asked.push(""); // the server answers 503 the first time
    const ended = (end: "updated" | "rolled_back") =>
      hookEvent(
        "run_finished",
        noticeOf("run_finished", { ends: [{ name: "app", end, because: "" }], ms: 1 }),
      );
    const env = { HEARTBEAT_URL: `${url}/job` };
    await run("90-heartbeat.py", ended("updated"), env);
    await run("90-heartbeat.py", ended("rolled_back"), env);
    assert.deepEqual(asked.slice(1), ["GET /job ", "GET /job/fail "]);
  });

  it("90-scan.py has a scanner look at an image whose tag has moved", async () => {
    asked.push("");
    const moved = hookEvent(
      "tag_moved",
      noticeOf("tag_moved", {
        ...{
          image: "ghcr.io/acme/shop:2",
          platform: "linux/amd64",
          from_digest: "sha256:a",
          to_digest: "sha256:b",
        },
        ...{
          from_since: "2026-03-01T10:00:00Z",
          from_until: "2026-03-02T10:00:00Z",
          containers: [{ name: "shop" }],
        },
      }),
    );
    await run("90-scan.py", moved, { SCAN_URL: `${url}/scan` });
    assert.deepEqual(asked.slice(1), ['POST /scan {"image": "ghcr.io/acme/shop:2", "digest": "sha256:b"}']);
  });

  const single = { container: container("app"), current_image: old, latest_image: remoteImage("b") };

  it("chat.py tells the chat", async () => {
    const ran = await run("chat.py", event("notify_update", single), { CHAT_WEBHOOK: `${url}/chat` });
    assert.equal(verdict(ran), "proceed: ");
    assert.match(
      asked.join(),
      /There is an update for app: registry.lab:5000\/app:1 is now sha256:bbbbbbbbbbbb/,
    );
  });

  it("print.py prints", async () => {
    assert.deepEqual(linesOf(await run("print.py", event("dry_run_update", single))), [
      "app would go from sha256:aaaaaaaaaaaa to sha256:bbbbbbbbbbbb",
    ]);
  });

  it("maintenance-on.sh and maintenance-off.sh put a page up and take it down", async () => {
    const env = { MAINTENANCE_DIR: join(folder.path, "out") };
    await run(
      "maintenance-on.sh",
      event("before_stop_depends_container", { container: container("app") }),
      env,
    );
    assert.equal(await folder.left("app"), "back soon\n");
    await run(
      "maintenance-off.sh",
      event("before_start_depends_container", { container: container("app") }),
      env,
    );
    assert.equal(await folder.left("app"), undefined);
  });

  it("keep.py keeps an image that says so", async () => {
    const kept = { ...old, labels: { keep: "true" } };
    assert.match(
      verdict(await run("keep.py", event("before_image_cleanup", { image: kept }))),
      /^refuse: .* is to be kept$/,
    );
    assert.equal(verdict(await run("keep.py", event("before_image_cleanup", { image: old }))), "proceed: ");
  });

  it("is here for every file of that name", () => {
    const all = eventNames.flatMap((event) => examplesOf(event).map((name) => `${event}/${name}`));
    assert.deepEqual([...tried].sort(), all.sort());
  });
});
