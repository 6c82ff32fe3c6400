// The product's own source.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "./checkout.ts";

/** In the checkout, and what is compiled of them in dist/. */
export const SOURCE_FOLDERS = ["cli", "nats", "services", "shared"];

interface SourceFile {
  /** From the checkout on. */
  readonly file: string;
  readonly text: string;
}

export const readSources = (): SourceFile[] =>
  SOURCE_FOLDERS.flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => join(folder, name))
      .map((file) => ({ file, text: readFileSync(join(checkout, file), "utf8") })),
  );
