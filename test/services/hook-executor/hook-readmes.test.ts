import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { eventNames } from "../../../shared/contract/hooks.ts";
import { HOOKS, readmeOf } from "./hook-readmes.ts";

describe("the hooks folder that comes with the program", () => {
  it("has a folder for each hook and notice", async () => {
    const entries = await readdir(HOOKS, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    assert.deepEqual(folders.sort(), [...eventNames].sort());
  });

  for (const event of eventNames)
    it(`${event}/README.md says what the tables say; \`npm run docs\` prints it anew`, async () => {
      assert.equal(await readFile(join(HOOKS, event, "README.md"), "utf8"), readmeOf(event));
    });
});
