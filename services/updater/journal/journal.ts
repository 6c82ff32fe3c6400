// The journal of one run. Every record is written by compare-and-set on the run's subject, so that only one of two
// updaters goes on. A resumed run reads the records back: a recorded decision is never asked for again.
import type { StoredMsg } from "@nats-io/jetstream";
import { iso } from "../../../shared/clock.ts";
import { Fenced, Suspended, explain } from "../../../shared/errors.ts";
import { isConflict, getNextMessage, publish, retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import { getLastKept, readReserved } from "../../../shared/nats/reserve.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import {
  type DecisionRecord,
  type ResultRecord,
  type RecordBody,
  type RunRecord,
  parseRunRecord,
} from "../../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import type { Bus } from "../bus.ts";

export class Journal {
  readonly run: string;
  readonly #bus: Bus;
  readonly #records: RunRecord[] = [];
  #sequence = 0;
  #isResumed = false;
  /** Records are written one after the other, whichever group they come from. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(bus: Bus, run: string) {
    this.#bus = bus;
    this.run = run;
  }

  /** Reads the records that an earlier process wrote; those that others pushed out, from the host's reserve. */
  static async open(bus: Bus, run: string): Promise<Journal> {
    const journal = new Journal(bus, run);
    const subject = subjects.run(bus.host.name, run);
    for (;;) {
      const message = await retryUntilAnswered(bus, () =>
        getNextMessage(bus.manager, STREAMS.runs, subject, journal.#sequence + 1),
      );
      if (message === undefined) break;
      journal.#sequence = message.seq;
      journal.#take(message);
    }
    if (journal.#records[0]?.kind === "begun") return journal;
    const later = journal.#records.splice(0);
    const isLater = ({ writer, n }: RunRecord): boolean =>
      later.some((record) => record.writer === writer && record.n === n);
    const reserved = () => readReserved(bus.manager, bus.host.name, subject);
    for (const message of await retryUntilAnswered(bus, reserved)) journal.#take(message);
    const earlier = journal.#records.splice(0).filter((record) => !isLater(record));
    journal.#records.push(...earlier, ...later);
    return journal;
  }

  #take(message: StoredMsg): void {
    this.#isResumed = true;
    const record = parseRunRecord(message.string());
    if (record !== undefined) this.#records.push(record);
  }

  /** Whether an earlier process wrote records. */
  get isResumed(): boolean {
    return this.#isResumed;
  }

  get records(): readonly RunRecord[] {
    return this.#records;
  }

  recordsOf<K extends RecordBody["kind"]>(kind: K): (RunRecord & { kind: K })[] {
    return this.#records.filter((record): record is RunRecord & { kind: K } => record.kind === kind);
  }

  findDecision(event: string): DecisionRecord | undefined {
    return this.recordsOf("decided").find((record) => record.event === event);
  }

  findResult(container: string): ResultRecord | undefined {
    return this.recordsOf("ended").find((record) => record.container === container);
  }

  /** Resolves when the record is stored. @throws Fenced when another updater wrote meanwhile. */
  async write(body: RecordBody): Promise<RunRecord> {
    const writing = this.#last.then(() => this.#store(body));
    this.#last = writing.catch(() => undefined);
    return writing;
  }

  async #store(body: RecordBody): Promise<RunRecord> {
    const { host, clock } = this.#bus;
    const envelope = { ...stampRecord(this.#bus), at: iso(clock.now()), host: host.name, run: this.run };
    const record = { ...envelope, ...body };
    this.#sequence = await writeAfter(this.#bus, subjects.run(host.name, this.run), record, this.#sequence);
    this.#records.push(record);
    return record;
  }
}

interface RecordStamp {
  readonly writer: string;
  readonly n: number;
}

let lastRecordNumber = 0;
/** Writer and number identify a record: by them `writeAfter` knows its own record after a lost answer. */
export const stampRecord = ({ writer }: Pick<Bus, "writer">): RecordStamp => ({
  writer,
  n: ++lastRecordNumber,
});

/**
 * Writes after the record at `expected`, and resolves with the new sequence. A conflict can come from this process'
 * own first try whose answer was lost, or from a stream that was lost and created anew, or whose size limit evicted the
 * record. Otherwise another updater writes.
 */
export async function writeAfter(
  bus: Bus,
  subject: string,
  record: RecordStamp,
  expected: number,
): Promise<number> {
  const message = { subject, body: record };
  for (let sequence = expected; ;) {
    try {
      return await publish(bus, { ...message, expected: sequence });
    } catch (error) {
      if (bus.signal.aborted && !isConflict(error))
        throw new Suspended(`not recorded on ${subject}: ${explain(error)}`, { cause: error });
      if (!isConflict(error)) throw error;
      const at = { host: bus.host.name, stream: STREAMS.runs, subject };
      const last = await retryUntilAnswered(bus, () => getLastKept(bus.manager, at));
      const found = parseJson(last?.message.string() ?? "") as Partial<RecordStamp> | undefined;
      if (found?.writer === record.writer && found.n === record.n) return last?.sequence ?? 0;
      const isOthers = last !== undefined && (last.sequence !== 0 || found?.writer !== record.writer);
      if (isOthers || sequence === 0)
        throw new Fenced(`another updater writes on ${subject}`, { cause: error });
      sequence = 0;
    }
  }
}
