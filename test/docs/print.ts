/** `npm run docs`: writes the pages of docs/ that are printed from tables. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { pages } from "./pages.ts";

for (const [name, text] of Object.entries(pages())) {
  const file = fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
