/** docs/reliability.md: its frame is written by hand, its tables by the long tests that measured them. */
import { realpathSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export type Section = "killed" | "faults" | "gate" | "mutations" | "fidelity" | "podman" | "self";

const pageFile = (): string =>
  join(dirname(realpathSync(join(import.meta.dirname, "../../../package.json"))), "docs/reliability.md");

/** The rows of a section's table, without its head. */
export async function rowsOf(section: Section): Promise<string[]> {
  const page = await readFile(pageFile(), "utf8");
  const [, text = ""] = page.split(new RegExp(`<!-- /?${section} -->`));
  return text
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2);
}

/** Puts `markdown` between the marks `<!-- section -->` and `<!-- /section -->` of the page. @throws where they are missing */
export async function writeSection(section: Section, markdown: string): Promise<void> {
  const file = pageFile();
  await writeFile(file, withSection(await readFile(file, "utf8"), section, markdown));
}

export function withSection(page: string, section: Section, markdown: string): string {
  const [from, to] = [`<!-- ${section} -->`, `<!-- /${section} -->`];
  const [begin, end] = [page.indexOf(from), page.indexOf(to)];
  if (begin < 0 || end < begin)
    throw new Error(`docs/reliability.md has no place for the table "${section}"`);
  return `${page.slice(0, begin + from.length)}\n\n${markdown.trim()}\n\n${page.slice(end)}`;
}
