import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "mocha";
import { compileBundle, compiledCodeOf, loadBundle } from "../../cli/load-bundle.ts";

const SOURCE =
  "exports.file = __filename; exports.sum = (a, b) => a + b; exports.os = typeof require('node:os');";

describe("a bundle", () => {
  let folder = "";
  before(async () => (folder = await mkdtemp(join(tmpdir(), "bundle-"))));
  after(() => rm(folder, { recursive: true }));

  const cases: readonly (readonly [string, ((file: string) => Buffer) | undefined])[] = [
    ["without compiled code", undefined],
    ["with compiled code", (file) => compileBundle(file).createCachedData()],
    ["with what is no compiled code", () => Buffer.from("no code")],
  ];
  for (const [name, [says, compiled]] of cases.entries())
    it(`is loaded ${says}`, async () => {
      const file = join(folder, `${name}.cjs`);
      await writeFile(file, SOURCE);
      if (compiled !== undefined) await writeFile(compiledCodeOf(file), compiled(file));
      const loaded = loadBundle(file) as { file: string; sum: (a: number, b: number) => number; os: string };
      assert.deepEqual([loaded.file, loaded.sum(1, 2), loaded.os], [file, 3, "object"]);
    });
});
