// The published JSON Schemas of docs/schemas/, ready to check messages with.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";

const FOLDER = join(import.meta.dirname, "../../../docs/schemas");

export const schemaNames: readonly string[] = readdirSync(FOLDER).map((file) => file.replace(".json", ""));

/** Checks against `docs/schemas/<name>.json`: gives what is wrong in words, empty where nothing is. */
export type Check = (name: string, value: unknown) => string;

let compiled: Check | undefined;

/** Compiled once for all tests of a run. */
export const schemaCheck = (): Check => (compiled ??= compile());

function compile(): Check {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, allErrors: true });
  for (const name of schemaNames)
    ajv.addSchema(JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8")) as object, name);
  return (name, value) => {
    const valid = ajv.validate(name, value);
    return valid ? "" : `${name}: ${ajv.errorsText()}`;
  };
}

/** The same with fields that nobody knows, in every object at every level but those whose keys are names of things. */
export function withUnknownFields(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => withUnknownFields(item, key));
  if (typeof value !== "object" || value === null) return value;
  const inner = Object.fromEntries(
    Object.entries(value).map(([name, it]) => [name, withUnknownFields(it, name)]),
  );
  if (NAMES_OF_THINGS.has(key)) return inner;
  return { ...inner, added_later: { deep: [1, null, { deeper: true }] }, addedtoo: "text" };
}

const NAMES_OF_THINGS = new Set(["labels", "ports", "containers", "ends"]);
