import { join } from "node:path";
import { pathToFileURL } from "node:url";

const LIB = join(import.meta.dirname, "../../../../examples/participants/lib");

/** A module of examples/participants/lib/, which are JavaScript. */
export const importLib = async <T>(file: string): Promise<T> =>
  (await import(pathToFileURL(join(LIB, file)).href)) as T;
