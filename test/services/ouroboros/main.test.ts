import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import "../../bed/bed.ts"; // It starts programs.
import { settings } from "../../../shared/settings.ts";

const program = join(import.meta.dirname, "../../../services/ouroboros/main.js");

describe("the command line of ouroboros", () => {
  it("--help tells every setting with its flags", async () => {
    for (const args of [["--help"], ["-h"], ["updater", "--help"]]) {
      const { code, out } = await run(...args);
      assert.equal(code, 0);
      for (const name of Object.keys(settings)) assert.ok(out.includes(`\n  ${name}`), name);
      assert.match(out, /INTERVAL, -i, --interval \[300\]/);
    }
  });

  it("--version tells the version of the package", async () => {
    const file = await readFile(join(import.meta.dirname, "../../../../package.json"), "utf8");
    assert.equal((await run("--version")).out.trim(), (JSON.parse(file) as { version: string }).version);
  });

  it("does not start with a flag or a word nobody knows", async () => {
    for (const args of [["--no-such-flag"], ["dance"], ["poller", "--no-such-flag"]]) {
      const { code, err } = await run(...args);
      assert.equal(code, 1);
      assert.match(err, /(--no-such-flag|dance) is no option; `ouroboros --help` lists them/);
    }
  });

  it("says which command or service may have been meant", async () => {
    for (const [word, meant] of [
      ["statsu", "status"],
      ["updatr", "update or updater"],
    ] as const) {
      const { code, err } = await run(word);
      assert.deepEqual([code, err], [2, `ouroboros: ${word} is no command; did you mean ${meant}?\n`]);
    }
  });

  it("has participant among its sub-commands", async () => {
    const { code, err } = await run("participant", "dance");
    assert.equal(code, 2);
    assert.match(err, /dance is no command[^]*ouroboros participant add/);
  });
});

function run(...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : error.code, out, err }),
    );
  });
}
