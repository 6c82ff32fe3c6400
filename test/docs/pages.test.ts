import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { dataSchema, hookNames } from "../../shared/hooks.ts";
import { CloudEvent } from "../../shared/messages.ts";
import { exampleEvent, pages } from "./pages.ts";

describe("the printed pages of docs/", () => {
  for (const [name, text] of Object.entries(pages()))
    it(`${name} says what the code says; \`npm run docs\` prints it anew`, async () => {
      const file = fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
      assert.equal(await readFile(file, "utf8"), text);
    });

  for (const name of hookNames)
    it(`show ${name} as the schemas have it`, () => {
      const event = CloudEvent.parse(exampleEvent(name));
      assert.deepEqual(
        Object.keys(dataSchema(name).parse(event.data)).sort(),
        Object.keys(event.data).sort(),
      );
    });
});
