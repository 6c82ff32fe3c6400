import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { dataSchema, hookNames } from "../../shared/contract/hooks.ts";
import { CloudEvent } from "../../shared/contract/messages.ts";
import { pages } from "./pages.ts";
import { PROMISES } from "./security-page.ts";
import { exampleEvent } from "./example-event.ts";

const ROOT = join(import.meta.dirname, "../../..");
const DOCS = join(ROOT, "docs");

describe("the printed pages of docs/", () => {
  for (const [name, text] of Object.entries(pages()))
    it(`${name} says what the code says; \`npm run docs\` prints it anew`, async () => {
      assert.equal(await readFile(join(DOCS, name), "utf8"), text);
    });

  for (const folder of ["hooks", "schemas"])
    it(`${folder}/ holds nothing else`, async () => {
      const printed = Object.keys(pages()).filter((name) => dirname(name) === folder);
      const there = (await readdir(join(DOCS, folder))).map((name) => `${folder}/${name}`);
      assert.deepEqual(there.sort(), printed.sort());
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

it("each promise of security.md names tests that are there", () => {
  const missing = PROMISES.flatMap(([, , tests]) => tests).filter(
    (file) => !existsSync(join(ROOT, "test", file)),
  );
  assert.deepEqual(missing, []);
});

describe("the links of the pages", () => {
  it("lead to files that are there", async () => {
    const files: string[] = ["README.md"];
    for (const folder of ["docs", "examples", "hooks"])
      for (const name of await readdir(join(ROOT, folder), { recursive: true }))
        if (name.endsWith(".md")) files.push(join(folder, name));
    const broken: string[] = [];
    for (const file of files) {
      const text = await readFile(join(ROOT, file), "utf8");
      for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
        const [path = ""] = target.split("#");
        if (/^[a-z]+:/.test(target) || path === "") continue;
        if (!existsSync(join(ROOT, dirname(file), path))) broken.push(`${file}: ${target}`);
      }
    }
    assert.deepEqual(broken, []);
  });
});
