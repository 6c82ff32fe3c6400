// SAVE_COUNTERS: counts how often each container of a host was updated, and keeps that in DATA_DIR. Each run is
// counted once, when it is over: after a crash between counting and closing the run, the next process finds it
// counted.
import { lookUp } from "../../../shared/look-up.ts";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import * as z from "zod";
import { explain } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";

const Counts = z.object({
  since: z.string(),
  containers: z.record(z.string(), z.number().int().positive()),
});
const KeptCounters = Counts.extend({ counted: z.array(z.string()) });
type KeptCounters = z.infer<typeof KeptCounters>;

/** What `status` shows. */
export type Counts = z.infer<typeof Counts> & { readonly all: number };

/** Only the last run can be counted again; a few more, for runs that another updater finished meanwhile. */
const MAX_COUNTED_RUNS = 20;

interface CountersOptions {
  readonly dataDir: string;
  readonly host: string;
  /** SAVE_COUNTERS; without it the counters begin with the process. */
  readonly save: boolean;
  readonly log: Logger;
  /** RFC 3339. */
  readonly now: string;
}

export class Counters {
  readonly #options: CountersOptions;
  #kept: KeptCounters;

  private constructor(options: CountersOptions, kept: KeptCounters) {
    this.#options = options;
    this.#kept = kept;
  }

  /** A file that cannot be read is logged, and the counters begin anew. */
  static async open(options: CountersOptions): Promise<Counters> {
    const empty: KeptCounters = { since: options.now, containers: {}, counted: [] };
    return new Counters(options, (options.save ? await readCounters(options) : undefined) ?? empty);
  }

  get counts(): Counts {
    const { since, containers } = this.#kept;
    return { since, all: Object.values(containers).reduce((sum, count) => sum + count, 0), containers };
  }

  /** `names` are the containers that the run updated. */
  async count(run: string, names: readonly string[]): Promise<void> {
    const { counted, containers, since } = this.#kept;
    if (counted.includes(run)) return;
    const added = names.map((name) => [name, (lookUp(containers, name) ?? 0) + 1] as const);
    this.#kept = {
      since,
      containers: { ...containers, ...Object.fromEntries(added) },
      counted: [...counted, run].slice(-MAX_COUNTED_RUNS),
    };
    if (this.#options.save && names.length > 0) await this.#store(run);
  }

  async #store(run: string): Promise<void> {
    const file = fileOf(this.#options);
    try {
      await mkdir(folderOf(this.#options), { recursive: true, mode: 0o700 });
      await writeWhole(file, JSON.stringify(this.#kept));
    } catch (error) {
      this.#options.log.warn({ run, file, because: explain(error) }, "counters not saved");
    }
  }
}

const folderOf = ({ dataDir }: CountersOptions): string => join(dataDir, "counters");
const fileOf = (options: CountersOptions): string =>
  join(folderOf(options), `${encodeToken(options.host)}.json`);

async function readCounters(options: CountersOptions): Promise<KeptCounters | undefined> {
  const file = fileOf(options);
  const because = "it does not hold counters";
  try {
    const read = KeptCounters.safeParse(parseJson(await readFile(file, "utf8")));
    if (read.success) return read.data;
    options.log.warn({ file, because }, "counters begin anew");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      options.log.warn({ file, because: explain(error) }, "counters begin anew");
  }
  return undefined;
}

/** Leaves the old file or the new one, whatever happens in between. */
async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`;
  await using handle = await open(temporary, "w", 0o600);
  await handle.writeFile(text);
  await handle.sync();
  await rename(temporary, file);
}
