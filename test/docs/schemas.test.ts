import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as asyncapi from "@asyncapi/parser";
import type { ZodType } from "zod";
import { type HookName, hookNames, hooks, noticeNames } from "../../shared/contract/hooks.ts";
import { parseVerdict } from "../../shared/contract/messages.ts";
import { schemaCheck, schemaNames, withUnknownFields } from "../support/schemas.ts";
import { exampleEvent } from "./example-event.ts";
import { itInFullRun } from "../support/full-run.ts";

/** Of 0 error, 1 warning, 2 information, 3 hint. */
const WARNING = 1;
const DOCS = join(import.meta.dirname, "../../../docs");

const mayBeMissing = (hook: HookName, field: string): boolean =>
  (hooks[hook].locals.shape as Record<string, ZodType>)[field]?.safeParse(undefined).success === true;

describe("the JSON Schemas of docs/schemas/", () => {
  const check = schemaCheck();

  for (const hook of hookNames) {
    it(`take the example of ${hook}, as that hook's and as any event, also with fields that were added`, () => {
      const event = exampleEvent(hook);
      for (const it of [event, withUnknownFields(event)])
        for (const name of [hook, "event"]) assert.equal(check(name, it), "");
    });

    it(`miss each field of ${hook} that is not there`, () => {
      const event = exampleEvent(hook);
      for (const field of Object.keys(event.data)) {
        if (mayBeMissing(hook, field)) continue; // a service stands in its place then
        const { [field]: _, ...data } = event.data;
        assert.match(check(hook, { ...event, data }), new RegExp(`required property '${field}'`));
      }
    });

    it(`do not take ${hook} for another hook`, () => {
      for (const other of hookNames)
        assert.equal(check(other, exampleEvent(hook)) === "", other === hook, other);
    });
  }

  it("take an event of a hook that is not known yet as an event", () => {
    assert.equal(check("event", { ...exampleEvent("before_update"), type: "ouroboros.some_day.v1" }), "");
  });

  const verdicts: readonly [unknown, boolean][] = [
    [{ verdict: "proceed" }, true],
    [{ verdict: "refuse", reason: "no" }, true],
    [{ verdict: "defer", reason: "later", retry_after_s: 0.5 }, true],
    [{ verdict: "proceed", containers: { web: "refuse", db: { verdict: "defer", reason: "x" } } }, true],
    [{ verdict: "proceed", of: { my: "own" } }, true],
    [{ verdict: "maybe" }, false],
    [{ verdict: "Proceed" }, false],
    [{ reason: "no" }, false],
    [{ verdict: "defer", retry_after_s: 0 }, false],
    [{ verdict: "defer", retry_after_s: -1 }, false],
    [{ verdict: "defer", retry_after_s: "60" }, false],
    [{ verdict: "defer", retry_after_s: 40_000_000 }, false],
    [{ verdict: "proceed", containers: ["web"] }, false],
    [{ verdict: "proceed", containers: { web: "no" } }, false],
    [["proceed"], false],
    [null, false],
    [1, false],
  ];
  for (const [verdict, valid] of verdicts)
    it(`${valid ? "take" : "do not take"} ${JSON.stringify(verdict)} as a verdict, as the updater does`, () => {
      assert.equal(check("verdict", verdict) === "", valid);
      const parsed = parseVerdict({ text: JSON.stringify(verdict), fromStream: false });
      assert.equal(parsed !== undefined, valid);
    });

  it("take anything as progress", () => {
    for (const it of [{}, null, "half way", 7]) assert.equal(check("progress", it), "");
  });

  it("say of themselves what they are: draft 2020-12, with a description", async () => {
    for (const name of schemaNames) {
      const schema = JSON.parse(await readFile(join(DOCS, `schemas/${name}.json`), "utf8")) as object;
      assert.ok("description" in schema, name);
      assert.ok("$schema" in schema && schema.$schema === "https://json-schema.org/draft/2020-12/schema");
      assert.doesNotMatch(
        JSON.stringify(schema),
        /"additionalProperties":false|"unevaluatedProperties"/,
        name,
      );
    }
  });
});

describe("docs/asyncapi.json", () => {
  itInFullRun(
    "is an AsyncAPI 3 document, as its official parser finds, with a message for each schema",
    async () => {
      const text = await readFile(join(DOCS, "asyncapi.json"), "utf8");
      const { document, diagnostics } = await new asyncapi.Parser().parse(text);
      assert.deepEqual(
        diagnostics
          .filter(({ severity }) => (severity as number) <= WARNING)
          .map(({ message, path }) => `${path.join(".")}: ${message}`),
        [],
      );
      assert.ok(document);
      assert.equal(document.version(), "3.0.0");
      const names = document
        .messages()
        .all()
        .map((message) => message.id());
      assert.deepEqual(
        [...new Set(names)].sort(),
        schemaNames.filter((name) => name !== "event" && name !== "participant").sort(),
      );
      assert.deepEqual(
        document
          .operations()
          .filterBySend()
          .map((operation) => operation.id() ?? "")
          .sort(),
        [...hookNames, ...noticeNames, "run"].sort(),
      );
    },
  );
});
