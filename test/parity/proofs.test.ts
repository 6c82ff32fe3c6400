import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import { type Proof, hookProofs, labelProofs, optionProofs, wholeProof } from "./proofs.ts";

const sourceOf = (file: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../../${file}`, import.meta.url)), "utf8");
const all: readonly [string, Proof][] = [
  ...Object.entries<Proof>(hookProofs),
  ...Object.entries<Proof>(labelProofs),
  ...Object.entries<Proof>(optionProofs),
  ["its compose file", wholeProof],
];

describe("what Ouroboros 1 does", () => {
  for (const [fact, { file, title }] of all)
    it(`is proved by a test that is there: ${fact}`, async () => {
      const source = await sourceOf(file);
      const quoted = ['"', "`", "'"].some((mark) => source.includes(`${mark}${title}${mark}`));
      assert.ok(quoted, `${file} has no test "${title}"`);
    });
});
