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
/** Entries that went by age, or because the bucket was full, are forgotten then. */
const FORGET_MS = 3_600_000;
const NO_SUCH_STREAM = 10059;

export class ImageLedger {
  readonly #observing: Pick<Observing, "manager" | "clock">;
  #hosts = new Map<string, ReadHost>();
  #begun = { at: Number.NEGATIVE_INFINITY, epoch: "" };
  #last = { at: Number.NEGATIVE_INFINITY, found: Promise.resolve<readonly ImageView[]>([]) };

  constructor(observing: Pick<Observing, "manager" | "clock">) {
    this.#observing = observing;
  }

  /**
   * Read every ten seconds at most, however many pages want to know. `epoch` is another one where NATS has lost its data.
   * @throws the NATS client's error.
   */
  list(hosts: readonly string[], epoch: string): Promise<readonly ImageView[]> {
    const at = this.#observing.clock.monotonic();
    if (at - this.#last.at > FRESH_MS) {
      const found = this.#last.found.catch(() => []).then(() => this.#readAll(hosts, epoch));
      this.#last = { at, found };
      found.catch(() => (this.#last = { ...this.#last, at: Number.NEGATIVE_INFINITY }));
    }
    return this.#last.found;
  }

  /** As `ouroboros image` prints it. @throws the NATS client's error. */
  async history(image: string): Promise<ImageHistory> {
    const found: HostLedger[] = [];
    await this.#read(`*.${encodeToken(image)}.*`, 0, (message) => {
      const ledger = ledgerIn(message);
      if (ledger !== undefined) found.push(ledger);
    });
    return imageHistoryOf(image, found);
  }

  async #readAll(hosts: readonly string[], epoch: string): Promise<readonly ImageView[]> {
    const at = this.#observing.clock.monotonic();
    if (at - this.#begun.at > FORGET_MS || epoch !== this.#begun.epoch) {
      this.#hosts = new Map();
      this.#begun = { at, epoch };
    }
    await inParallel(hosts, { all: HOSTS_AT_A_TIME }, (host) => this.#readHost(host));
    return imageViews(hosts.flatMap((host) => [...(this.#hosts.get(host)?.images.values() ?? [])]));
  }

  async #readHost(host: string): Promise<void> {
    const known = this.#hosts.get(host) ?? { seq: 0, images: new Map<string, ImageOnHost>() };
    this.#hosts.set(host, known);
    await this.#read(`${encodeToken(host)}.*.*`, known.seq, (message) => {
      const ledger = ledgerIn(message);
      if (ledger === undefined) known.images.delete(message.subject);
      else known.images.set(message.subject, imageOnHost(ledger));
      known.seq = message.seq;
    });
  }

  /** Nothing where there is no ledger: no poller has made one yet. */
  async #read(keys: string, after: number, take: (message: StoredMsg) => void): Promise<void> {
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

/** Undefined where it cannot be read, was deleted, or lies under another image's key. */
function ledgerIn(message: StoredMsg): HostLedger | undefined {
  const tokens = message.subject.split(".").slice(2);
  const entry = LedgerEntry.safeParse(parseJson(message.string())).data;
  if (entry === undefined || !tokens.every(isToken)) return undefined;
  const [host = "", image, platform] = tokens.map(decodeToken);
  return entry.image === image && entry.platform === platform ? { host, entry } : undefined;
}
