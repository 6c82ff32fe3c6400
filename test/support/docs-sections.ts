/** Pages of docs/ whose frame is written by hand, their tables by the long tests and the benches that measured them. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "./checkout.ts";

/** Which sections each page has. */
const pages = {
  reliability: [
    "killed",
    "killed-prune",
    "killed-alone",
    "faults",
    "gate",
    "cluster",
    "leaf",
    "mutations",
    "fidelity",
    "podman",
    "self",
    "chaos",
  ],
  performance: [
    "downtime",
    "fleet",
    "round-trip",
    "sustained",
    "memory",
    "commands",
    "look-ups",
    "host-look-ups",
    "idle-cycles",
  ],
  dashboard: ["dashboard-speed", "dashboard-hour"],
} as const;
export type Section = (typeof pages)[keyof typeof pages][number];

function pageFile(section: Section): string {
  const [page] =
    Object.entries(pages).find(([, sections]) => (sections as readonly string[]).includes(section)) ?? [];
  return join(checkout, `docs/${page ?? ""}.md`);
}

/** Puts `markdown` between the marks `<!-- section -->` and `<!-- /section -->` of the page. @throws where they are missing */
export async function writeSection(section: Section, markdown: string): Promise<void> {
  const file = pageFile(section);
  await writeFile(file, withSection(await readFile(file, "utf8"), section, markdown));
}

export function withSection(page: string, section: Section, markdown: string): string {
  const [from, to] = [`<!-- ${section} -->`, `<!-- /${section} -->`];
  const [begin, end] = [page.indexOf(from), page.indexOf(to)];
  if (begin < 0 || end < begin) throw new Error(`the page has no place for the table "${section}"`);
  return `${page.slice(0, begin + from.length)}\n\n${markdown.trim()}\n\n${page.slice(end)}`;
}
