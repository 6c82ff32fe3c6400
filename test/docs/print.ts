/** `npm run docs`: writes the pages of docs/ and the READMEs of the hooks' folders that are printed from tables. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventNames } from "../../shared/contract/hooks.ts";
import { HOOKS, readmeOf } from "../services/hook-executor/hook-readmes.ts";
import { pages } from "./pages.ts";

for (const [name, text] of Object.entries(pages())) {
  const file = fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

for (const event of eventNames) await writeFile(join(HOOKS, event, "README.md"), readmeOf(event));
