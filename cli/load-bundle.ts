// Loads the bundles that the build makes (.ci/bundle.mjs), each with the code that V8 compiled of it then. In the built
// program these two functions stand for start-services.ts and start-command.ts.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";
import { isService } from "./framework/service-table.ts";

type Start = (args: readonly string[]) => Promise<void>;

/** A service has a bundle of its own; the helper of a self-update is the updater's code. */
export async function startServices(args: readonly string[]): Promise<void> {
  const [first = ""] = args;
  const name = first === "helper" ? "updater" : isService(first) ? first : "start-services";
  await (loadBundle(bundleFile(name)) as { readonly startServices: Start }).startServices(args);
}

export async function startCommand(args: readonly string[]): Promise<void> {
  await (loadBundle(bundleFile("start-command")) as { readonly startCommand: Start }).startCommand(args);
}

const bundleFile = (name: string): string => join(import.meta.dirname, "../services/bundle", `${name}.cjs`);

/** Where the compiled code of a bundle lies that this Node can use. */
export const compiledCodeOf = (file: string): string => `${file}.${process.version}-${process.arch}`;

/**
 * Runs a CommonJS file and returns its exports. Compiled code that V8 cannot use, because it has other flags, is ignored by it.
 * Measuring coverage takes code that is compiled for that.
 */
export function loadBundle(file: string): unknown {
  const compiled = process.env["NODE_V8_COVERAGE"] ? undefined : readIfThere(compiledCodeOf(file));
  return compiled === undefined ? createRequire(file)(file) : runBundle(file, compileBundle(file, compiled));
}

const WRAPPER = "(function (exports, require, module, __filename, __dirname) { ";

/** The build sees to it that a bundle has ASCII characters only: these V8 uses as they lie in the file. */
export const compileBundle = (file: string, cachedData?: Buffer): Script =>
  new Script(`${WRAPPER}${readFileSync(file, "latin1")}\n})`, {
    filename: file,
    columnOffset: -WRAPPER.length,
    ...(cachedData && { cachedData }),
  });

/** Returns the exports. */
export function runBundle(file: string, script: Script): unknown {
  const module = { exports: {} };
  const start = script.runInThisContext() as (...values: readonly unknown[]) => void;
  start.call(module.exports, module.exports, createRequire(file), module, file, dirname(file));
  return module.exports;
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
