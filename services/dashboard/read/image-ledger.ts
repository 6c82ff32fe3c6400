// The ledger of images over all hosts, read when somebody looks at it: the list from what each host's poller has
// written since it was read last, the history of an image as it is now.
import { JetStreamApiError, type StoredMsg } from "@nats-io/jetstream";
import {
  type HostLedger,
  type ImageHistory,
  imageHistoryOf,
} from "../../../shared/contract/image-history.ts";
import { LedgerEntry } from "../../../shared/contract/ledger.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { decodeToken, encodeToken, isToken } from "../../../shared/contract/subject-tokens.ts";
import { BUCKETS } from "../../../shared/contract/subjects.ts";
import { inParallel } from "../../../shared/in-parallel.ts";
import { getNextMessage } from "../../../shared/nats/jetstream.ts";
import type { Observing } from "../../../shared/runtime/run-observer.ts";
import { type ImageOnHost, type ImageView, imageOnHost, imageViews } from "../model/image-view.ts";

interface ReadHost {
  /** Sequence of the last message that was read. */
  seq: number;
  /** By subject. */
  readonly images: Map<string, ImageOnHost>;
}

const STREAM = `KV_${BUCKETS.ledger}`;
const HOSTS_AT_A_TIME = 32;
const FRESH_MS = 10_000;
/** How long a page waits for all of it. */
const PATIENCE_MS = 1500;
/** Entries that went by age, or because the bucket was full, are forgotten then. */
const FORGET_MS = 3_600_000;
const NO_SUCH_STREAM = 10059;

/** `read` of the hosts of the fleet were read, `of` there are: while they differ, a part of the list is there. */
export interface ImageList {
  readonly images: readonly ImageView[];
  readonly read: number;
  readonly of: number;
}

export class ImageLedger {
  readonly #observing: Pick<Observing, "manager" | "clock">;
  #hosts = new Map<string, ReadHost>();
  #begun = { at: Number.NEGATIVE_INFINITY, epoch: "" };
  #reading: Promise<void> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #read = 0;

  constructor(observing: Pick<Observing, "manager" | "clock">) {
    this.#observing = observing;
  }

  /**
   * Read every ten seconds at most, however many pages want to know; what takes long goes on after the answer. `epoch` is
   * another one where NATS has lost its data. @throws the NATS client's error.
   */
  async list(hosts: readonly string[], epoch: string): Promise<ImageList> {
    const { clock } = this.#observing;
    if (this.#reading === undefined && clock.monotonic() - this.#readAt > FRESH_MS) {
      this.#reading = this.#readAll(hosts, epoch).finally(() => (this.#reading = undefined));
      this.#reading.catch(() => undefined); // reported by those who wait for it
    }
    const over = new AbortController();
    await Promise.race([this.#reading, clock.sleep(PATIENCE_MS, over.signal)]).finally(() => over.abort());
    const found = hosts.flatMap((host) => [...(this.#hosts.get(host)?.images.values() ?? [])]);
    const read = this.#reading === undefined ? hosts.length : Math.min(this.#read, hosts.length);
    return { images: imageViews(found), read, of: hosts.length };
  }

  /** As `ouroboros image` prints it. @throws the NATS client's error. */
  async history(image: string): Promise<ImageHistory> {
    const found: HostLedger[] = [];
    await this.#take(`*.${encodeToken(image)}.*`, 0, (message) => {
      const ledger = ledgerIn(message);
      if (ledger !== undefined) found.push(ledger);
    });
    return imageHistoryOf(image, found);
  }

  async #readAll(hosts: readonly string[], epoch: string): Promise<void> {
    const at = this.#observing.clock.monotonic();
    if (at - this.#begun.at > FORGET_MS || epoch !== this.#begun.epoch) {
      this.#hosts = new Map();
      this.#begun = { at, epoch };
    }
    this.#read = 0;
    await inParallel(hosts, { all: HOSTS_AT_A_TIME }, async (host) => {
      await this.#readHost(host);
      this.#read += 1;
    });
    this.#readAt = this.#observing.clock.monotonic();
  }

  async #readHost(host: string): Promise<void> {
    const known = this.#hosts.get(host) ?? { seq: 0, images: new Map<string, ImageOnHost>() };
    this.#hosts.set(host, known);
    await this.#take(`${encodeToken(host)}.*.*`, known.seq, (message) => {
      const ledger = ledgerIn(message);
      if (ledger === undefined) known.images.delete(message.subject);
      else known.images.set(message.subject, imageOnHost(ledger));
      known.seq = message.seq;
    });
  }

  /** Nothing where there is no ledger: no poller has made one yet. */
  async #take(keys: string, after: number, take: (message: StoredMsg) => void): Promise<void> {
    try {
      for (let seq = after + 1; ;) {
        const subject = `$KV.${BUCKETS.ledger}.${keys}`;
        const message = await getNextMessage(this.#observing.manager, STREAM, subject, seq);
        if (message === undefined) return;
        take(message);
        seq = message.seq + 1;
      }
    } catch (error) {
      if (!(error instanceof JetStreamApiError && error.code === NO_SUCH_STREAM)) throw error;
    }
  }
}

/** Undefined where it cannot be read, was deleted, lies under another image's key, or is a repository's. */
function ledgerIn(message: StoredMsg): HostLedger | undefined {
  const tokens = message.subject.split(".").slice(2);
  const entry = LedgerEntry.safeParse(parseJson(message.string())).data;
  if (entry === undefined || entry.tags !== undefined || !tokens.every(isToken)) return undefined;
  const [host = "", image, platform] = tokens.map(decodeToken);
  return entry.image === image && entry.platform === platform ? { host, entry } : undefined;
}
