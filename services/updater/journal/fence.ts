// The fence: one updater acts on a host. `ouroboros.run.<host>.open` names its last writer, and only that updater may
// recover or stop a container.
//   F1  The record is written by compare-and-set: at start, and at the begin and end of each run.
//   F2  A starting updater asks the writer before it to yield. If nobody responds, or after two seconds of silence,
//       it takes over.
//   F3  Before anything is stopped the record is read again: an updater that is not its writer throws Fenced and
//       touches nothing.
//   F4  While there is nothing to do the record is read now and then: an updater that is not its writer stands by.
// An updater that does not share this NATS is kept out by the Engine's lease (lease/engine-lease.ts).
import type { StoredMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import * as z from "zod";
import { firstOf } from "../../../shared/clock.ts";
import { Fenced, Suspended } from "../../../shared/errors.ts";
import { askService } from "../../../shared/nats/ask-service.ts";
import { retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import { getLastKept } from "../../../shared/nats/reserve.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { OpenRecord } from "../../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import type { Bus } from "../bus.ts";
import { stampRecord, writeAfter } from "./journal.ts";

const REQUEST_TIMEOUT_MS = 2000;
const RETRY_MS = 2000;
const AWAY_AFTER_MS = 5000;

const YieldAnswer = z.object({ state: z.enum(["busy", "yielded"]) });

export interface OpenRun {
  readonly run: string;
  readonly plan: string;
}

interface FenceOptions {
  readonly isStandby: boolean;
  /** Recovers what is left on the Engine until NATS answers: the updater that acts may be dead. */
  readonly recoverFromEngine: () => Promise<void>;
}

export class Fence {
  readonly #bus: Bus;
  #sequence: number;
  #open: OpenRun | undefined;

  private constructor(bus: Bus, sequence: number, open: OpenRun | undefined) {
    this.#bus = bus;
    this.#sequence = sequence;
    this.#open = open;
  }

  /**
   * Waits until this process is the host's updater. `isStandby`: another updater took over from this one; it is left
   * alone while it answers, and followed when it is gone. While NATS is away nobody knows who acts, and the Engine's
   * lease decides.
   */
  static async take(bus: Bus, { isStandby, recoverFromEngine }: FenceOptions): Promise<Fence> {
    const { context, clock } = bus;
    // The one that took over, or is about to, needs a moment until it is heard.
    if (isStandby) await clock.sleep(RETRY_MS, bus.signal);
    for (let isLogged = false; !bus.signal.aborted; isLogged = true) {
      const last = await readOpenUnlessAway(bus);
      if (last === "away") {
        await recoverFromEngine();
        continue;
      }
      const free =
        last === undefined ||
        last.record.writer === bus.writer ||
        (await isFree(bus.nats, bus.host.name, isStandby));
      if (free) {
        const open =
          last?.record.run && last.record.plan ? { run: last.record.run, plan: last.record.plan } : undefined;
        const fence = new Fence(bus, last?.sequence ?? 0, open);
        try {
          await fence.#write(open);
          return fence;
        } catch (error) {
          if (!(error instanceof Fenced)) throw error;
        }
      }
      if (!isLogged)
        context.log.info(
          { writer: last?.record.writer },
          "another updater acts on this host; waiting for it",
        );
      await bus.lease.release(); // recovery is up to the other updater
      await clock.sleep(RETRY_MS, bus.signal);
    }
    throw new Suspended("stopped while another updater acted");
  }

  /** The open run: begun and not ended, by this process or an earlier one. */
  get open(): OpenRun | undefined {
    return this.#open;
  }

  async begin(open: OpenRun): Promise<void> {
    if (this.#open?.run !== open.run) await this.#write(open);
  }

  async end(): Promise<void> {
    await this.#write(undefined);
  }

  /** F3, and the same check of the Engine's lease. Waits for NATS until the signal aborts. @throws Fenced */
  async check(signal = this.#bus.signal): Promise<void> {
    const last = await readOpen({ ...this.#bus, signal });
    if (last === undefined)
      await this.#write(this.#open); // the store was lost: claim it again
    else if (last.record.writer !== this.#bus.writer)
      throw new Fenced(`another updater acts on ${this.#bus.host.name}`);
    await this.#bus.lease.check();
  }

  /** Whether another updater took over; an updater that was silent for a moment is not asked before that (F2). */
  async isLost(): Promise<boolean> {
    const last = await getLastKept(this.#bus.manager, openAt(this.#bus)).catch(() => undefined);
    return last !== undefined && parseOpenRecord(last.message).writer !== this.#bus.writer;
  }

  async #write(open: OpenRun | undefined): Promise<void> {
    const { host } = this.#bus;
    const record: OpenRecord = {
      ...stampRecord(this.#bus),
      engine_id: host.engine.id,
      run: open?.run ?? null,
      plan: open?.plan ?? null,
    };
    this.#sequence = await writeAfter(this.#bus, subjects.open(host.name), record, this.#sequence);
    this.#open = open;
  }
}

/** @throws Suspended */
async function readOpenUnlessAway(bus: Bus): Promise<Awaited<ReturnType<typeof readOpen>> | "away"> {
  const timeout = AbortSignal.timeout(AWAY_AFTER_MS);
  try {
    return await readOpen({ ...bus, signal: firstOf(bus.signal, timeout) });
  } catch (error) {
    if (!(error instanceof Suspended) || bus.signal.aborted) throw error;
    return "away";
  }
}

/** Waits for NATS. @throws Suspended when the signal aborts */
async function readOpen(
  bus: Bus,
): Promise<{ readonly record: OpenRecord; readonly sequence: number } | undefined> {
  const last = await retryUntilAnswered(bus, () => getLastKept(bus.manager, openAt(bus)));
  return last && { record: parseOpenRecord(last.message), sequence: last.sequence };
}

const openAt = ({ host: { name: host } }: Bus) => ({
  host,
  stream: STREAMS.runs,
  subject: subjects.open(host),
});

/** A record that cannot be read counts as written by nobody. */
function parseOpenRecord(message: StoredMsg): OpenRecord {
  const record = OpenRecord.safeParse(parseJson(message.string()));
  return record.success ? record.data : { writer: "", n: 0, engine_id: "", run: null, plan: null };
}

/** F2. A standby asks only for a sign of life, so that two updaters do not take turns. */
async function isFree(nats: NatsConnection, host: string, isStandby: boolean): Promise<boolean> {
  try {
    const command = isStandby ? "status" : "yield";
    const answer = await askService({ nats }, host, ["updater", command], { timeout: REQUEST_TIMEOUT_MS });
    if (isStandby || answer === undefined) return answer === undefined;
    const reply = YieldAnswer.safeParse(answer);
    return !reply.success || reply.data.state === "yielded";
  } catch {
    return false; // the connection is closed
  }
}
