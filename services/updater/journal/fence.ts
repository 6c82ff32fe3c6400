// One updater acts on a host. `ouroboros.run.<host>.open` names its last writer; only that one may recover or stop a
// container.
//   F1  It is written by compare-and-set: at start, and at each run's begin and end.
//   F2  A starter asks the writer before it to yield. No responder, or two silent seconds: it takes over.
//   F3  Before anything is stopped the record is read again: who is not its writer throws Fenced and touches nothing.
//   F4  While nothing is to be done it is read now and then: who is not its writer stands by.
// Who shares no NATS with it is held off by the Engine's lease (lease/engine-lease.ts).
import type { StoredMsg } from "@nats-io/jetstream";
import { type NatsConnection, RequestError } from "nats";
import { z } from "zod";
import { firstOf } from "../../../shared/clock.ts";
import { Fenced, Suspended } from "../../../shared/errors.ts";
import { getLastMessage, retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import { makeCommandBody, parseJson } from "../../../shared/contract/messages.ts";
import { OpenRecord } from "../../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import type { Bus } from "../bus.ts";
import { stampRecord, writeAfter } from "./journal.ts";

const SILENCE_MS = 2000;
const ASK_AGAIN_MS = 2000;
const AWAY_AFTER_MS = 5000;

const YieldAnswer = z.object({ state: z.enum(["busy", "yielded"]) });

export interface OpenRun {
  readonly run: string;
  readonly plan: string;
}

interface FenceOptions {
  readonly isStandby: boolean;
  /** Puts right what is left on the Engine until NATS answers: its updater may be dead. */
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
   * Waits until this process is the host's updater. `standby`: another one took over from us; it is left alone while
   * it answers, and followed when it is gone. While NATS is away, nobody knows who acts: then the Engine's lease tells.
   */
  static async take(bus: Bus, { isStandby, recoverFromEngine }: FenceOptions): Promise<Fence> {
    const { context, clock } = bus;
    for (let told = false; !bus.signal.aborted; told = true) {
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
      if (!told)
        context.log.info(
          { writer: last?.record.writer },
          "another updater acts on this host; waiting for it",
        );
      await bus.lease.release(); // what there is to put right is for that one
      await clock.sleep(ASK_AGAIN_MS, bus.signal);
    }
    throw new Suspended("stopped while another updater acted");
  }

  /** The run that was under way when its updater ended. */
  get open(): OpenRun | undefined {
    return this.#open;
  }

  async begin(open: OpenRun): Promise<void> {
    if (this.#open?.run !== open.run) await this.#write(open);
  }

  async end(): Promise<void> {
    await this.#write(undefined);
  }

  /** F3, and the same for the Engine's lease. Waits for NATS until the signal aborts. @throws Fenced */
  async check(signal = this.#bus.signal): Promise<void> {
    const last = await readOpen({ ...this.#bus, signal });
    if (last === undefined)
      await this.#write(this.#open); // the store was lost: claim it again
    else if (last.record.writer !== this.#bus.writer)
      throw new Fenced(`another updater acts on ${this.#bus.host.name}`);
    await this.#bus.lease.check();
  }

  /** Whether another updater took over, which one that was silent for a moment is not asked about (F2). */
  async isLost(): Promise<boolean> {
    const { host, manager, writer } = this.#bus;
    const last = await getLastMessage(manager, STREAMS.runs, subjects.open(host.name)).catch(() => undefined);
    return last !== undefined && parseOpenRecord(last).writer !== writer;
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
  const patience = AbortSignal.timeout(AWAY_AFTER_MS);
  try {
    return await readOpen({ ...bus, signal: firstOf(bus.signal, patience) });
  } catch (error) {
    if (!(error instanceof Suspended) || bus.signal.aborted) throw error;
    return "away";
  }
}

/** Waits for NATS; stopping ends it. */
async function readOpen(
  bus: Bus,
): Promise<{ readonly record: OpenRecord; readonly sequence: number } | undefined> {
  const subject = subjects.open(bus.host.name);
  const message = await retryUntilAnswered(bus, () => getLastMessage(bus.manager, STREAMS.runs, subject));
  return message && { record: parseOpenRecord(message), sequence: message.seq };
}

/** One that cannot be read was written by nobody. */
function parseOpenRecord(message: StoredMsg): OpenRecord {
  const record = OpenRecord.safeParse(parseJson(message.string()));
  return record.success ? record.data : { writer: "", n: 0, engine_id: "", run: null, plan: null };
}

/** F2. Whoever follows as standby asks for a sign of life only, so that two do not take turns. */
async function isFree(nats: NatsConnection, host: string, standby: boolean): Promise<boolean> {
  try {
    const command = standby ? "status" : "yield";
    const answer = await nats.request(subjects.command(host, "updater", command), makeCommandBody(command), {
      timeout: SILENCE_MS,
    });
    if (standby) return false;
    const said = YieldAnswer.safeParse(parseJson(answer.string()));
    return !said.success || said.data.state === "yielded";
  } catch (error) {
    return error instanceof RequestError || (error as Error).name === "TimeoutError";
  }
}
