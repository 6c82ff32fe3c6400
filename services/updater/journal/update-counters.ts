// SAVE_COUNTERS: how often each container of a host was updated, kept in DATA_DIR. Each run is counted once, when it is
// over: who dies between counting and closing the run finds it counted.
import { lookUp } from "../../../shared/look-up.ts";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { z } from "zod";
import { explain } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";

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

interface CountersOptions {
  readonly dataDir: string;
  readonly host: string;
  /** SAVE_COUNTERS; else they begin with the process. */
  readonly save: boolean;
  readonly log: Logger;
  /** RFC 3339. */
  readonly now: string;
}

export class Counters {
  readonly #place: CountersOptions;
  #kept: KeptCounters;

  private constructor(place: CountersOptions, kept: KeptCounters) {
    this.#place = place;
    this.#kept = kept;
  }

  /** What cannot be read is told, and counts nothing. */
  static async open(place: CountersOptions): Promise<Counters> {
    const anew: KeptCounters = { since: place.now, containers: {}, counted: [] };
    return new Counters(place, (place.save ? await readCounters(place) : undefined) ?? anew);
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

const folderOf = ({ dataDir }: CountersOptions): string => join(dataDir, "counters");
const fileOf = (place: CountersOptions): string => join(folderOf(place), `${encodeToken(place.host)}.json`);

async function readCounters(place: CountersOptions): Promise<KeptCounters | undefined> {
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
