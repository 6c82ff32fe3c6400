// The host's part of the ledger: what this poller sees on the tags of its images. Kept in memory while the poller runs,
// and on NATS. Nothing waits for the latter: what could not be read or stored is joined with what is there later.
import type { KV } from "@nats-io/kv";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Logger } from "pino";
import { LedgerEntry, type SeenTag, type TagStay } from "../../../shared/contract/ledger.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import type { UpdateResult } from "../../../shared/contract/payloads.ts";
import { BUCKETS, ledgerKey } from "../../../shared/contract/subjects.ts";
import { inParallel } from "../../../shared/in-parallel.ts";
import { getLastMessage, isConflict } from "../../../shared/nats/jetstream.ts";
import { streamOf } from "../../../shared/nats/topology.ts";
import { LoggedAttempts } from "./logged-attempts.ts";
import { emptyEntry, isEmpty, joinEntries, noteEnd, noteOnTag, noteRunning } from "./observe.ts";

export interface LedgerOptions {
  readonly host: string;
  /** `os/architecture` of the Engine. */
  readonly platform: string;
  readonly bucket: KV;
  readonly manager: JetStreamManager;
  readonly log: Pick<Logger, "info" | "debug" | "warn">;
}

export interface TagObservation {
  /** The image reference in full. */
  readonly image: string;
  /** What its tag names, and when that was seen, milliseconds since 1970; undefined where nobody answered. */
  readonly onTag: { readonly digest: string; readonly at: number } | undefined;
  /** How many containers run which digest; undefined where not all were looked at. */
  readonly running: ReadonlyMap<string, number> | undefined;
}

export interface MovedTag {
  readonly image: string;
  /** `os/architecture` of the Engine. */
  readonly platform: string;
  /** What the tag named before. */
  readonly from: TagStay;
  /** The digest that it names now, and when that was seen first, milliseconds since 1970. */
  readonly to: string;
  readonly at: number;
}

/** An update to the digest ended. */
export interface ImageUpdateEnd {
  readonly image: string;
  readonly digest: string;
  readonly end: UpdateResult;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** As NATS has it. */
interface StoredEntry {
  readonly entry: LedgerEntry | undefined;
  readonly sequence: number;
}

interface Kept {
  entry: LedgerEntry;
  /** Undefined before it was read. */
  stored: StoredEntry | undefined;
}

/** How much older than seen the end of a stay may be on NATS. */
const REFRESH_MS = 3_600_000;
const CONCURRENCY = { all: 8 };
const MAX_TRIES = 3;

export class Ledger {
  readonly #options: LedgerOptions;
  /** By image. */
  readonly #kept = new Map<string, Kept>();
  readonly #attempts: LoggedAttempts;
  #last: Promise<void> = Promise.resolve();

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#attempts = new LoggedAttempts(options.log, "the ledger is kept in memory until NATS can store it");
  }

  /** What is known of the image. */
  entryOf(image: string): LedgerEntry {
    return this.#kept.get(image)?.entry ?? emptyEntry(image, this.#options.platform);
  }

  /**
   * Adds what was seen to what is known, and returns which tags have moved. Reads from NATS what an earlier process has stored,
   * where that can be read.
   */
  async note(observations: readonly TagObservation[], now: number): Promise<readonly MovedTag[]> {
    await this.read(observations.map(({ image }) => image));
    const moves = observations.flatMap((observation) => this.#moveIn(observation));
    for (const { image, onTag, running } of observations)
      this.#change(image, (entry) => {
        const looked = onTag === undefined ? entry : noteOnTag(entry, onTag.digest, onTag.at);
        return running === undefined ? looked : noteRunning(looked, running, now);
      });
    return moves;
  }

  #moveIn({ image, onTag }: TagObservation): readonly MovedTag[] {
    const { platform } = this.#options;
    const from = this.entryOf(image).stays.at(-1);
    if (onTag === undefined || from === undefined || from.digest === onTag.digest) return [];
    return [{ image, platform, from, to: onTag.digest, at: onTag.at }];
  }

  /** Of a repository: the tags that policies chose before, as far as they were read. */
  tagsOf(repository: string): readonly SeenTag[] {
    return this.entryOf(repository).tags ?? [];
  }

  /** Reads from NATS what an earlier process has stored of these images or repositories. Never fails. */
  read(images: readonly string[]): Promise<void> {
    return this.#inTurn(() => this.#read(images));
  }

  noteTags(repository: string, tags: readonly SeenTag[]): void {
    this.#change(repository, (entry) => ({ ...entry, tags: [...tags] }));
  }

  noteEnd({ image, digest, end, at }: ImageUpdateEnd): void {
    this.#change(image, (entry) => noteEnd(entry, digest, end, at));
  }

  /** Stores what has changed; what cannot be stored now is stored with the next call. Never fails. */
  save(): Promise<void> {
    return this.#inTurn(() => this.#saveAll());
  }

  /** An entry is read and stored by one at a time. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work);
    return this.#last;
  }

  #change(image: string, change: (entry: LedgerEntry) => LedgerEntry): void {
    const kept = this.#kept.get(image);
    const entry = change(this.entryOf(image));
    if (kept === undefined) this.#kept.set(image, { entry, stored: undefined });
    else kept.entry = entry;
  }

  async #read(images: readonly string[]): Promise<void> {
    const unread = images.filter((image) => this.#kept.get(image)?.stored === undefined);
    await this.#attempt(unread, async (image) => {
      const kept = this.#kept.get(image) ?? {
        ...{ entry: emptyEntry(image, this.#options.platform), stored: undefined },
      };
      await this.#join(image, kept);
      this.#kept.set(image, kept);
    });
  }

  async #saveAll(): Promise<void> {
    const due = [...this.#kept].filter(([, kept]) => isDue(kept)).map(([image]) => image);
    await this.#attempt(due, (image) => this.#store(image));
  }

  async #store(image: string): Promise<void> {
    const { bucket, host, platform } = this.#options;
    const kept = this.#kept.get(image);
    if (kept === undefined) return;
    for (let n = 1; ; n++) {
      const { sequence } = kept.stored ?? (await this.#join(image, kept));
      const { entry } = kept;
      try {
        const options = { previousSeq: sequence, timeout: 2000 };
        const stored = await bucket.put(ledgerKey(host, image, platform), JSON.stringify(entry), options);
        kept.stored = { entry, sequence: stored };
        return;
      } catch (error) {
        if (!isConflict(error) || n === MAX_TRIES) throw error;
        kept.entry = sinceThen(kept);
        kept.stored = undefined;
      }
    }
  }

  /** Reads what is stored, and goes on from there. */
  async #join(image: string, kept: Kept): Promise<StoredEntry> {
    const stored = await this.#fetch(image);
    kept.entry = joined(stored.entry, kept.entry);
    kept.stored = stored;
    return stored;
  }

  async #fetch(image: string): Promise<StoredEntry> {
    const { manager, host, platform } = this.#options;
    const subject = `$KV.${BUCKETS.ledger}.${ledgerKey(host, image, platform)}`;
    const message = await getLastMessage(manager, streamOf(BUCKETS.ledger), subject);
    const read = LedgerEntry.safeParse(parseJson(message?.string() ?? ""));
    return { entry: read.data, sequence: message?.seq ?? 0 };
  }

  /** The first failure ends the work. */
  async #attempt(images: readonly string[], work: (image: string) => Promise<void>): Promise<void> {
    if (images.length > 0) await this.#attempts.attempt(() => inParallel(images, CONCURRENCY, work));
  }
}

const joined = (earlier: LedgerEntry | undefined, later: LedgerEntry): LedgerEntry =>
  earlier === undefined ? later : joinEntries(earlier, later);

/** Counts of what is stored already are in the stored entry, with which this one is joined. */
function sinceThen({ entry, stored }: Kept): LedgerEntry {
  const counted = stored?.entry?.uses ?? [];
  return {
    ...entry,
    uses: entry.uses.map((use) => {
      const before = counted.find(({ digest }) => digest === use.digest)?.ends ?? {};
      const ends = Object.entries(use.ends).map(
        ([end, times]) => [end, times - (before[end as UpdateResult] ?? 0)] as const,
      );
      return { ...use, ends: Object.fromEntries(ends.filter(([, times]) => times > 0)) };
    }),
  };
}

/** Whether NATS lacks something: a move, a use, an end, or that the tag still names the digest an hour later. */
function isDue({ entry, stored }: Kept): boolean {
  const before = stored?.entry;
  if (before === undefined) return !isEmpty(entry);
  if (shapeOf(entry) !== shapeOf(before)) return true;
  const [seen, known] = [entry, before].map(({ stays }) => Date.parse(stays.at(-1)?.to ?? ""));
  return seen !== undefined && known !== undefined && seen - known >= REFRESH_MS;
}

const shapeOf = ({ stays, uses, tags }: LedgerEntry): string =>
  JSON.stringify([stays.map(({ digest, from }) => [digest, from]), uses, tags]);
