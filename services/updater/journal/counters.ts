// SAVE_COUNTERS: how often each container of a host was updated, kept in DATA_DIR. Each run is counted once, when it is
// over: who dies between counting and closing the run finds it counted.
import { lookUp } from "../../../shared/look-up.ts";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { z } from "zod";
import { explain } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/messages.ts";
import { token } from "../../../shared/tokens.ts";

const Counts = z.object({
  since: z.string(),
  containers: z.record(z.string(), z.number().int().positive()),
});
const KeptCounters = Counts.extend({ counted: z.array(z.string()) });
type KeptCounters = z.infer<typeof KeptCounters>;

/** What `status` tells. */
export type Counts = z.infer<typeof Counts> & { readonly all: number };

/** Only the last run can be counted again; a few more, for runs that another updater finished meanwhile. */
const REMEMBERED = 20;

interface CountersPlace {
  readonly dataDir: string;
  readonly host: string;
  /** SAVE_COUNTERS; else they begin with the process. */
  readonly save: boolean;
  readonly log: Logger;
  /** RFC 3339. */
  readonly now: string;
}

export class Counters {
  readonly #place: CountersPlace;
  #kept: KeptCounters;

  private constructor(place: CountersPlace, kept: KeptCounters) {
    this.#place = place;
    this.#kept = kept;
  }

  /** What cannot be read is told, and counts nothing. */
  static async open(place: CountersPlace): Promise<Counters> {
    const anew: KeptCounters = { since: place.now, containers: {}, counted: [] };
    return new Counters(place, (place.save ? await kept(place) : undefined) ?? anew);
  }

  get counts(): Counts {
    const { since, containers } = this.#kept;
    return { since, all: Object.values(containers).reduce((sum, count) => sum + count, 0), containers };
  }

  /** The names of the containers that the run updated. */
  async count(run: string, names: readonly string[]): Promise<void> {
    const { counted, containers, since } = this.#kept;
    if (counted.includes(run)) return;
    const added = names.map((name) => [name, (lookUp(containers, name) ?? 0) + 1] as const);
    this.#kept = {
      since,
      containers: { ...containers, ...Object.fromEntries(added) },
      counted: [...counted, run].slice(-REMEMBERED),
    };
    if (this.#place.save && names.length > 0) await this.#store(run);
  }

  async #store(run: string): Promise<void> {
    const file = fileOf(this.#place);
    try {
      await mkdir(folderOf(this.#place), { recursive: true, mode: 0o700 });
      await writeWhole(file, JSON.stringify(this.#kept));
    } catch (error) {
      this.#place.log.warn({ run, file, because: explain(error) }, "counters not saved");
    }
  }
}

const folderOf = ({ dataDir }: CountersPlace): string => join(dataDir, "counters");
const fileOf = (place: CountersPlace): string => join(folderOf(place), `${token(place.host)}.json`);

async function kept(place: CountersPlace): Promise<KeptCounters | undefined> {
  const file = fileOf(place);
  const because = "it does not hold counters";
  try {
    const read = KeptCounters.safeParse(parseJson(await readFile(file, "utf8")));
    if (read.success) return read.data;
    place.log.warn({ file, because }, "counters begin anew");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      place.log.warn({ file, because: explain(error) }, "counters begin anew");
  }
  return undefined;
}

/** The old file or the new one, whatever happens in between. */
async function writeWhole(file: string, text: string): Promise<void> {
  const beside = `${file}.new`;
  await using handle = await open(beside, "w", 0o600);
  await handle.writeFile(text);
  await handle.sync();
  await rename(beside, file);
}
