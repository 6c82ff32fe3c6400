import assert from "node:assert/strict";
import "../../bed/bed.ts"; // It starts programs.
import { type HooksFolder, hooksFolder, linesOf, runScripts } from "./scene.ts";

describe("JavaScript scripts", () => {
  let folder: HooksFolder;
  beforeEach(async () => {
    folder = await hooksFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  const reasonOf = async (name: string, text: string, env?: NodeJS.ProcessEnv) => {
    await folder.put(`before_update/${name}`, text, 0o644);
    const { verdict } = await runScripts(folder, env);
    return `${verdict.verdict}: ${verdict.reason ?? ""}`;
  };

  const says: readonly [string, string, RegExp][] = [
    ["nothing proceeds", "() => {}", /^proceed: $/],
    ["null proceeds", "() => null", /^proceed: $/],
    ["proceed with a reason", "() => ({ verdict: 'proceed', reason: 'fine' })", /^proceed: x.mjs: fine$/],
    ["refuse", "async () => ({ verdict: 'refuse', reason: 'no' })", /^refuse: x.mjs: no$/],
    ["defer", "() => ({ verdict: 'defer', reason: 'later', retry_after_s: 9 })", /^defer: x.mjs: later$/],
    [
      "an unknown word fails",
      "() => ({ verdict: 'maybe' })",
      /^refuse: x.mjs: failed: it returned no verdict: verdict: Invalid option/,
    ],
    ["text fails", "() => 'refuse'", /^refuse: x.mjs: failed: it returned no verdict: .*expected object/],
    ["false fails", "() => false", /^refuse: x.mjs: failed: it returned no verdict/],
    [
      "what no message can hold fails",
      "() => ({ verdict: 1n })",
      /^refuse: x.mjs: failed: exit code 1: (.|\n)*BigInt/,
    ],
    [
      "a thrown error fails",
      "() => { throw new Error('broken') }",
      /^refuse: x.mjs: failed: exit code 1: (.|\n)*Error: broken/,
    ],
    [
      "a rejection fails",
      "() => Promise.reject(new Error('broken'))",
      /failed: exit code 1: (.|\n)*Error: broken/,
    ],
    ["exit code 75 defers", "() => process.exit(75)", /^defer: x.mjs: exit code 75$/],
    ["process.exitCode counts", "() => { process.exitCode = 75 }", /^defer: x.mjs: exit code 75$/],
    ["waiting for nothing fails", "() => new Promise(() => {})", /^refuse: x.mjs: failed: exit code 13/],
  ];
  for (const [title, text, expected] of says)
    it(`say: ${title}`, async () => {
      assert.match(await reasonOf("x.mjs", `export default ${text};`), expected);
    });

  it("without a default function fail", async () => {
    assert.match(
      await reasonOf("x.mjs", "export const hook = 1;"),
      /has no default export that is a function/,
    );
    assert.match(
      await reasonOf("x.mjs", "not JavaScript"),
      /^refuse: x\.mjs: failed: exit code 1: (.|\n)*SyntaxError/,
    );
  });

  it("get the event, a log and a signal; .js may be of either kind of module", async () => {
    await folder.put(
      "before_update/1.js",
      `module.exports = (event, { log }) => log.info(event.subject, event.data.old_container.name);`,
      0o644,
    );
    await folder.put(
      "before_update/2.js",
      `export default ({ type }, { signal, log }) => { log.warn(type, signal.aborted, process.cwd()); setInterval(() => {}, 1e6); };`,
      0o644,
    );
    const ran = await runScripts(folder);
    assert.deepEqual(ran.verdict, { verdict: "proceed" });
    assert.deepEqual(linesOf(ran), [
      "app app",
      `ouroboros.before_update.v1 false ${folder.path}/before_update`,
    ]);
  });

  it("that run out of time may clean up when the signal says so", async () => {
    const text = `import { writeFileSync } from "node:fs";
      export default (event, { signal }) => new Promise((done) => {
        const waiting = setInterval(() => {}, 1000);
        signal.addEventListener("abort", () => { writeFileSync("OUT/cleaned", ""); clearInterval(waiting); done(); });
      });`;
    assert.equal(
      await reasonOf("x.mjs", text, { HOOK_TIMEOUT: "8s" }),
      "refuse: x.mjs: failed: still running after 8 s",
    );
    assert.equal(await folder.left("cleaned"), "");
  });

  it("at updates_enumerated may speak of single containers", async () => {
    await folder.put(
      "before_update/1.mjs",
      `export default () => ({ verdict: "proceed", containers: { a: "refuse", b: "defer" } });`,
    );
    await folder.put(
      "before_update/2.mjs",
      `export default () => ({ verdict: "defer", reason: "later", containers: { a: "proceed", b: { verdict: "refuse", reason: "no" } } });`,
    );
    assert.deepEqual((await runScripts(folder)).verdict, {
      verdict: "defer",
      reason: "2.mjs: later",
      containers: {
        a: { verdict: "refuse", reason: "1.mjs" },
        b: { verdict: "refuse", reason: "2.mjs: no" },
      },
    });
  });
});
