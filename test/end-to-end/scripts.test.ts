import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import type { UpdateResult } from "../../shared/contract/run-records.ts";
import { engine } from "../bed/bed.ts";
import { deploy, idOf, overview, release } from "../support/containers.ts";
import { awaitResults, readHold, requestPlan, update } from "../support/runs.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
/** Debian's python3, with its docker package. */
const DEBIAN = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin" };

/** Scripts as Ouroboros' users have them; `say` stands in each for the way they tell of it. */
const SAY = `
def say(*words):
    with open("NOTES", "a") as notes:
        print(*words, file=notes)
`;
const OUROBOROS_SCRIPTS: Readonly<Record<string, string>> = {
  "updates_enumerated/tell.py": `
for container, current, latest in updateable:
    say("updates", container.name, current.short_id, latest.tags)
say("depends", [c.name for c in depends_on_containers], [c.name for c in hard_depends_on_containers])
`,
  "before_stop_depends_container/tell.py": `say("stop", container.name, container.labels["tier"], container.status)`,
  "before_update/nested/tell.py": `
say("update", old_container.name, old_container.attrs['Config']['Image'], old_image.short_id, new_image.tags)
say("inside", old_container.exec_run("cat /www/index.html").output.decode().strip())
answer = 42
`,
  "before_update/other.py": `
assert __name__ == "__main__" and __file__.endswith("/other.py")
say("shared", answer)
`,
  "after_update/tell.py": `
say("updated", old_container.name, old_container.status, new_container.name, new_container.status)
say("inside", new_container.exec_run("cat /www/index.html").output.decode().strip())
`,
  "before_image_cleanup/tell.py": `say("cleanup", image.short_id)`,
  "before_start_depends_container/tell.py": `say("start", container.name, container.status)`,
};

describe("a hook script of Ouroboros", () => {
  let stack: Stack;
  let notes: string[];
  let oldImage: string;
  let end: Record<string, UpdateResult>;

  before(async () => {
    await deploy(h1, "db", { create: { Labels: { tier: "data" } } });
    await deploy(h1, "web", { create: { Labels: { "com.ouroboros.depends_on": "db" } } });
    oldImage = (await h1.docker.getContainer("web").inspect()).Image.slice(0, "sha256:".length + 10);
    stack = await startStack({ engine: h1, services: ["updater", "poller"], env: { CLEANUP: "true" } });
    const file = join(stack.folder, "notes");
    for (const [path, text] of Object.entries(OUROBOROS_SCRIPTS))
      await stack.script(path, `${SAY.replace("NOTES", file)}${text}`, 0o644);
    await stack.script("before_update/a-raises.py", "old_container.no_such_thing()");
    await stack.script("before_update/sample.py.example", "raise SystemExit(1)");
    await stack.script("before_update/notes.txt", "not a script", 0o644);
    stack.start("hook-executor", { env: DEBIAN });
    await stack.check();
    await release("apps/web", "2");
    end = await update(stack);
    notes = (await readFile(file, "utf8")).trimEnd().split("\n");
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("runs unchanged at each hook, with the Engine's own objects", () => {
    assert.deepEqual(notes, [
      `updates web ${oldImage} ['registry.lab:5000/apps/web:latest']`,
      "depends ['db'] []",
      "stop db data running",
      `update web registry.lab:5000/apps/web:latest ${oldImage} ['registry.lab:5000/apps/web:latest']`,
      "inside apps/web 1",
      "shared 42",
      "updated web exited web running",
      "inside apps/web 2",
      `cleanup ${oldImage}`,
      "start db exited",
    ]);
  });

  it("lets the update go on where it raises something, and the others run", async () => {
    assert.deepEqual(end, { web: "updated" });
    assert.deepEqual(await overview(h1), ["db running 1", "web running 2"]);
    const decided = stack.records.find((one) => one.kind === "decided" && one.hook === "before_update");
    assert.ok(decided?.kind === "decided");
    assert.match(decided.verdicts[0]?.reason ?? "", /a-raises\.py: raised AttributeError: .*no_such_thing/);
  });
});

/** Exits as the container's name says, after it made itself known on stderr. */
const EXITING = `#!/bin/sh
echo "on my way out" >&2
exit "\${OUROBOROS_CONTAINER_NAME#exit-}"
`;
/** [exit code, how the update ends, the reason] */
const codes: readonly [number, UpdateResult, RegExp | undefined][] = [
  [0, "updated", undefined],
  [75, "deferred", /^10-exit: on my way out$/],
  [21, "deferred", /^10-exit: on my way out$/],
  [1, "refused", /^10-exit: failed: exit code 1: on my way out$/],
  [137, "refused", /exit code 137/],
];

describe("a script of any kind", () => {
  let stack: Stack;
  let end: Record<string, UpdateResult>;
  const file = (name: string): string => join(stack.folder, name);

  before(async () => {
    const names = [...codes.map(([code]) => `exit-${code}`), "hanging", "module", "lenient"];
    for (const name of names) await deploy(h1, name);
    stack = await startStack({
      engine: h1,
      services: ["updater", "poller"],
      env: { HOOK_TIMEOUT: "10s", INTERVAL: "600" },
    });
    const only = (name: string, then: string) =>
      `#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" = ${name} ] || exit 0\n${then}`;
    await stack.script(
      "before_update/10-exit",
      EXITING.replace("\nexit", '\ncase "$OUROBOROS_CONTAINER_NAME" in exit-*) ;; *) exit 0;; esac\nexit'),
    );
    await stack.script(
      "before_update/20-hang",
      only(
        "hanging",
        `sh -c 'trap "" TERM; echo $$ > ${file("child")}; sleep 300 & echo $! > ${file("grandchild")}; wait' &\nwait`,
      ),
    );
    await stack.script("before_update/30-after", only("hanging", `echo ran > ${file("after")}`));
    await stack.script(
      "before_update/40-module.mjs",
      `export default ({ subject, data }) => subject === "module"
        ? { verdict: "defer", reason: \`\${data.old_container.name} of \${data.host}\`, retry_after_s: 120 } : undefined;`,
      0o644,
    );
    stack.start("hook-executor");
    await stack.check();
    for (const name of names) await release(`apps/${name}`, "2");
    end = await awaitResults(stack, await requestPlan(stack), 120_000);
  });
  after(async () => {
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  for (const [code, expected, reason] of codes) {
    it(`that exits with ${code} means: ${expected}`, async () => {
      const name = `exit-${code}`;
      assert.equal(end[name], expected);
      const entry = await readHold(stack, name);
      if (reason === undefined) assert.equal(entry, undefined);
      else assert.match(entry?.because ?? "", reason);
      if (expected === "refused") assert.equal(entry?.until, null);
      if (expected === "deferred") assertBetween((entry?.until ?? 0) - Date.now(), 500_000, 600_000);
    });
  }

  it("that hangs is killed with its children at the limit, and refuses; later scripts of the hook still run", async () => {
    assert.equal(end["hanging"], "refused");
    assert.match(
      (await readHold(stack, "hanging"))?.because ?? "",
      /^20-hang: failed: still running after 10 s/,
    );
    for (const name of ["child", "grandchild"]) {
      const pid = readFileSync(file(name), "utf8").trim();
      await until(`${name} ${pid} is gone`, () => !isRunning(pid));
    }
    assert.ok(existsSync(file("after")));
    assert.ok((await overview(h1)).includes("hanging running 1"));
  });

  it("in JavaScript gives its verdict as an object, with the time after which it may be asked again", async () => {
    assert.equal(end["module"], "deferred");
    const { because, until: time } = (await readHold(stack, "module")) ?? {};
    assert.equal(because, "40-module.mjs: module of h1");
    assertBetween((time ?? 0) - Date.now(), 60_000, 120_000);
  });

  it("that says nothing lets the update be", async () => {
    assert.equal(end["lenient"], "updated");
    assert.ok(await idOf(h1, "lenient"));
  });
});

const assertBetween = (value: number, low: number, high: number): void =>
  assert.ok(value > low && value <= high, `${value} is not between ${low} and ${high}`);

/** There, and no zombie. */
function isRunning(pid: string): boolean {
  try {
    return !/\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
