/** How much of the product the tests ran, from the json-summary report that c8 writes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

interface FileSummary {
  readonly lines: { readonly total: number; readonly covered: number };
}

/** The folders of which less than `least` percent of the lines ran, in a sentence each. */
export async function uncovered(
  report: string,
  folders: readonly string[],
  least: number,
): Promise<string[]> {
  const files = Object.entries(JSON.parse(await readFile(report, "utf8")) as Record<string, FileSummary>);
  return folders.flatMap((folder) => {
    const inside = files.filter(([path]) => path.startsWith(join(process.cwd(), folder, "/")));
    const total = inside.reduce((sum, [, { lines }]) => sum + lines.total, 0);
    const covered = inside.reduce((sum, [, { lines }]) => sum + lines.covered, 0);
    const percent = total === 0 ? 0 : (100 * covered) / total;
    return percent >= least
      ? []
      : [`${folder}/: the tests ran ${percent.toFixed(1)} % of its lines, and ${least} % are due.`];
  });
}
