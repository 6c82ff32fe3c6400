// docs/troubleshooting.md quotes what Ouroboros says: each quotation is in the code, letter by letter.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readSources } from "../support/sources.ts";

const ROOT = join(import.meta.dirname, "../../..");
const page = readFileSync(join(ROOT, "docs/troubleshooting.md"), "utf8");
const sources = readSources()
  .map(({ text }) => text)
  .join("\n");

/** Those in the first column that are no call of a command, between their `…`. */
const quoted = [...page.matchAll(/^\| ([^|]*`[^|]*) \|/gm)]
  .flatMap(([, cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, words = ""]) => words))
  .filter((words) => !words.startsWith("ouroboros "));

describe("docs/troubleshooting.md", () => {
  it("quotes messages", () => assert.ok(quoted.length > 15));

  for (const words of quoted)
    it(`quotes what the code says: ${words}`, () => {
      const parts = words.split(/…|DATA_DIR|HOST/).map((part) => part.trim());
      for (const part of parts.filter((one) => one !== "")) assert.ok(sources.includes(part), part);
    });
});
