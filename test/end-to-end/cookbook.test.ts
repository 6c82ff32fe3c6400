import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { after, before, describe, it } from "mocha";
import type { UpdateResult } from "../../shared/contract/run-records.ts";
import { engine } from "../bed/bed.ts";
import { recipes } from "../docs/cookbook-page.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { type Endpoint, startEndpoint } from "../support/endpoint.ts";
import { readHold, update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";

const ROOT = join(import.meta.dirname, "../../..");
const h1 = engine(1);
const DATABASE = {
  files: {
    "/bin/pg_dumpall":
      "#!/bin/sh\necho \"data of $2\"\necho '-- PostgreSQL database cluster dump complete'\n",
  },
};
/** As Prometheus' HTTP API documents its answer to /api/v1/alerts. */
const alerts = (...firing: readonly (readonly [container: string | undefined, severity: string])[]) =>
  JSON.stringify({
    status: "success",
    data: {
      alerts: firing.map(([container, severity]) => ({
        labels: { alertname: "HighErrorRate", severity, ...(container !== undefined && { container }) },
        annotations: { summary: "many errors" },
        state: "firing",
        activeAt: "2026-03-01T04:00:00.000Z",
        value: "1e+00",
      })),
    },
  });

/** One shop: its updates stop the cart it depends on; a database stands beside. */
describe("the hook scripts of docs/cookbook.md, all at once", () => {
  let stack: Stack;
  let prometheus: Endpoint;
  const runs: Record<string, UpdateResult>[] = [];
  const because: string[] = [];
  const folder = (name: string) => join(stack.folder, name);

  before(async () => {
    await deploy(h1, "db", { image: "apps/postgres", imageOptions: DATABASE });
    await deploy(h1, "cart");
    const labels = { "com.ouroboros.depends_on": "cart", "com.example.update-lock": "shop/books.lock" };
    await deploy(h1, "shop", { create: { Labels: labels } });
    prometheus = await startEndpoint(() => [200, alerts([undefined, "warning"])]);
    stack = await startStack({ engine: h1, services: ["updater", "poller"] });
    for (const { files } of Object.values(recipes))
      for (const [from, to] of Object.entries(files).filter(([, it]) => it !== ""))
        await stack.script(to, await readFile(join(ROOT, from), "utf8"));
    // What the maintenance page looked like while it was there.
    const see = `[ "$OUROBOROS_CONTAINER_NAME" != shop ] || cp "$MAINTENANCE_DIR"/* "${folder("seen")}"`;
    await stack.script("before_update/see", `#!/bin/sh\n${see}\n`);
    const env = {
      BACKUP_DIR: folder("backups"),
      MAINTENANCE_DIR: folder("maintenance"),
      PROMETHEUS_URL: prometheus.url,
      PROMETHEUS_LOOK_AGAIN_S: "1",
      APPROVAL_LOOK_AGAIN_S: "1",
      LOCKS_DIR: folder("locks"),
      LOCK_LOOK_AGAIN_S: "1",
    };
    for (const name of ["backups", "maintenance", "seen", "hooks/approvals"]) await mkdir(folder(name));
    stack.start("hook-executor", {
      env: { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", HOOK_ENV: Object.keys(env).join(" "), ...env },
    });
    await stack.check();
    const database = await release("apps/postgres", "2", DATABASE);
    const shop = await release("apps/shop", "2");
    const approve = (name: string, of: string) =>
      writeFile(folder(`hooks/approvals/${name}@${of.replace("sha256:", "").slice(0, 12)}`), "");
    /** The next run that the container is part of. */
    const once = async (container: string) => {
      let ends: Record<string, UpdateResult>;
      do ends = await update(stack);
      while (!(container in ends));
      runs.push(ends);
      because.push((await readHold(stack, container))?.because ?? "");
    };
    await once("shop"); // nothing is approved
    await approve("shop", shop.digest);
    prometheus.answer = () => [200, alerts(["shop", "critical"])];
    await once("shop");
    prometheus.answer = () => [200, alerts(["elsewhere", "critical"], ["shop", "warning"])];
    await once("shop"); // the volume of the locks is not mounted
    await mkdir(folder("locks/shop"), { recursive: true });
    await writeFile(folder("locks/shop/books.lock"), "");
    await once("shop");
    await rm(folder("locks/shop/books.lock"));
    await once("shop");
    await approve("db", database.digest);
    await once("db");
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await prometheus[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("wait for approval, image by image", () => {
    assert.deepEqual(runs[0], { db: "deferred", shop: "deferred" });
    assert.match(because[0] ?? "", /waits for approvals\/shop@[0-9a-f]{12}/);
  });

  it("wait while a critical alert fires for the container", () => {
    assert.equal(runs[1]?.["shop"], "deferred");
    assert.match(because[1] ?? "", /alerts fire: HighErrorRate/);
  });

  it("wait while the application holds its lock, and where nobody knows", () => {
    assert.equal(runs[2]?.["shop"], "deferred");
    assert.match(because[2] ?? "", /LOCKS_DIR cannot be read: ENOENT/);
    assert.equal(runs[3]?.["shop"], "deferred");
    assert.match(because[3] ?? "", /the application holds shop\/books\.lock since 20\d\d-/);
    assert.equal(runs[4]?.["shop"], "updated");
  });

  it("show a maintenance page for as long as a dependency stands still", async () => {
    assert.deepEqual(await readdir(folder("seen")), ["cart"]);
    assert.equal(await readFile(join(folder("seen"), "cart"), "utf8"), "back soon\n");
    assert.deepEqual(await readdir(folder("maintenance")), []);
  });

  it("dump the database before its container is replaced", async () => {
    assert.equal(runs[5]?.["db"], "updated", because[5]);
    const [dump = ""] = await readdir(folder("backups"));
    assert.match(dump, /^db-.*\.sql$/);
    assert.match(await readFile(join(folder("backups"), dump), "utf8"), /^data of postgres\n/);
    assert.deepEqual(await overview(h1), ["cart running 1", "db running 2", "shop running 2"]);
  });
});

describe("two of three approvers, as docs/cookbook.md adds them", () => {
  after(() => h1.clean());

  it("decide: two for it are enough, two against it too", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const [recipe = ""] = Object.keys(recipes.quorum.files);
    const folder = await mkdtemp(join(tmpdir(), "approvers-"));
    const program = join(import.meta.dirname, "../../cli/main.js");
    await writeFile(join(folder, "ouroboros"), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`, {
      mode: 0o755,
    });
    const env = { PATH: `${folder}:/usr/bin:/bin`, NATS_URL: stack.server.url };
    await promisify(execFile)("/bin/sh", [join(ROOT, recipe)], { env });
    const voices = async (against: readonly string[]) => {
      const voice = (name: string) => approver(name, against.includes(name), stack.server.url);
      await using _alice = voice("alice");
      await using _bob = voice("bob");
      await using _carol = voice("carol");
      return await update(stack);
    };
    await release("apps/web", "2");
    assert.deepEqual(await voices(["carol"]), { web: "updated" });
    await release("apps/web", "3");
    assert.deepEqual(await voices(["alice", "carol"]), { web: "refused" });
    assert.deepEqual(await overview(h1), ["web running 2"]);
    await rm(folder, { recursive: true });
  });
});

function approver(name: string, isAgainst: boolean, server: string): AsyncDisposable {
  const file = join(ROOT, "examples/participants/participant.py");
  const rule = isAgainst ? ["--refuse-if", "data.host=."] : [];
  const child = spawn("/usr/bin/python3", [file, "--server", server, "--name", name, ...rule], {
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
