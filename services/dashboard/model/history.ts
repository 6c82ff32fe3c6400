// How updates ended, from the newest back as far as the service remembers. Records may be added in any order: what is
// older than the start of the service is read backwards. Pure but for its own memory, which is bounded.
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import { type EndKind, kindOfEnd, reasonOfEnd } from "../../../shared/contract/update-end.ts";
import { shortDigest } from "../../../shared/registry/image-change.ts";

export interface EndedView {
  readonly seq: number;
  readonly at: string;
  readonly host: string;
  readonly run: string;
  readonly container: string;
  readonly end: EndKind;
  readonly because: string;
  readonly by?: string | undefined;
  readonly image?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly downtime_ms?: number | undefined;
  readonly ms?: number | undefined;
}

const MAX_RESULTS = 10_000;
const MAX_BECAUSE = 500;

export class UpdateHistory {
  /** By sequence, in no order. */
  readonly #ends = new Map<number, EndedView>();
  readonly #last = new Map<string, EndedView>();

  /** Undefined where the record is no end, or was there already. */
  add(record: RunRecord, seq: number): EndedView | undefined {
    if (record.kind !== "ended" || this.#ends.has(seq)) return undefined;
    const ended = endedOf(record, seq);
    this.#ends.set(seq, ended);
    const key = keyOf(record.host, record.container);
    if ((this.#last.get(key)?.seq ?? -1) < seq) this.#last.set(key, ended);
    if (this.#ends.size > MAX_RESULTS + SLACK) this.#forget();
    return ended;
  }

  get isFull(): boolean {
    return this.#ends.size >= MAX_RESULTS;
  }

  lastOf(host: string, container: string): EndedView | undefined {
    return this.#last.get(keyOf(host, container));
  }

  /** The newest first. */
  list(wanted: (ended: EndedView) => boolean = () => true): EndedView[] {
    return [...this.#ends.values()].filter(wanted).sort((a, b) => b.seq - a.seq);
  }

  #forget(): void {
    for (const { seq, host, container } of this.list().slice(MAX_RESULTS)) {
      this.#ends.delete(seq);
      if (this.#last.get(keyOf(host, container))?.seq === seq) this.#last.delete(keyOf(host, container));
    }
  }
}

const SLACK = 500;
const keyOf = (host: string, container: string): string => JSON.stringify([host, container]);

const endedOf = (record: RunRecord & { readonly kind: "ended" }, seq: number): EndedView => ({
  seq,
  at: record.at,
  host: record.host,
  run: record.run,
  container: record.container,
  end: kindOfEnd(record),
  because: reasonOfEnd(record).slice(0, MAX_BECAUSE),
  by: record.by,
  image: record.image,
  from: record.from_version ?? shortest(record.from_digest ?? record.from),
  to: record.to_version ?? shortest(record.to_digest ?? record.to),
  downtime_ms: record.downtime_ms,
  ms: record.ms,
});

const shortest = (digest: string | undefined): string | undefined =>
  digest === undefined ? undefined : shortDigest(digest.split("@").at(-1) ?? "");
