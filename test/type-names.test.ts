// One word for one thing: a type's name stands for one type in the whole product.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { readSources } from "./support/sources.ts";

/** Of types, interfaces and classes that a file declares at its top level. */
const typeNamesIn = (text: string): string[] =>
  [...text.matchAll(/^(?:export )?(?:abstract )?(?:interface|type|class|enum) (\w+)/gm)].map(
    ([, name = ""]) => name,
  );

describe("the name of a type", () => {
  it("is declared in one file only: another type is called otherwise, the same is imported", () => {
    const places = new Map<string, string[]>();
    for (const { file, text } of readSources())
      for (const name of typeNamesIn(text)) places.set(name, [...(places.get(name) ?? []), file]);
    assert.ok(places.size > 100);
    const twice = [...places].filter(([, files]) => files.length > 1);
    assert.deepEqual(
      twice.map(([name, files]) => `${name}: ${files.join(", ")}`),
      [],
    );
  });
});
