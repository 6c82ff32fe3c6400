// One Ouroboros acts on an Engine at a time, whichever NATS and DATA_DIR each has. The fence (journal/fence.ts) is for one
// NATS; what all of them share is the Engine, so the lease is kept there. Who has nothing in hand holds nothing.
//   E1  Whoever touches a container, or what a swap has left, holds the lease: a volume of which the highest generation
//       counts. Making one is atomic, so of those who want the next generation one gets it.
//   E2  Who holds it gives a sign of life every BEAT_MS. A lease is taken from somebody only after SILENT_BEATS in which
//       nothing was heard of them, or where they are known to be dead (lease-holder.ts).
//   E3  A prune may take the lease. A missing one is free for what begins anew, which touches nothing that others have
//       begun; for what others have begun it is free only after the same silence.
//   E4  Before each stop it is looked at: who has lost it throws Fenced; who finds it pruned makes it again.
//   E5  It is given back when nothing is in hand any more. Who dies, or is stopped, in the middle leaves it.
import type { Logger } from "pino";
import type { Clock } from "../../../shared/clock.ts";
import type { Engine } from "../../../shared/docker/engine.ts";
import { Fenced, Suspended, explain } from "../../../shared/errors.ts";
import type { Health } from "../../../shared/runtime/health.ts";
import type { ServiceContext, Host } from "../../../shared/runtime/run-service.ts";
import { Semaphore } from "../semaphore.ts";
import { type LeaseHolder, identifyHolder, isHolderDead } from "./lease-holder.ts";
import {
  sendLeaseSignal,
  leaseName,
  createLeaseVolume,
  readLeaseVolumes,
  removeLeaseVolume,
  parseLeaseSignal,
} from "./lease-volumes.ts";
import { LeaseSignalListener } from "./lease-signal-listener.ts";

export const createEngineLease = async (context: ServiceContext, host: Host): Promise<EngineLease> =>
  new EngineLease({ ...context, engine: host.engine, holder: await identifyHolder(context, host) });

const BEAT_MS = 2500;
const SILENT_BEATS = 6;
/** How often it is tried to give the lease back: an Engine may be starting again. */
const RETURNS = 5;

interface LeaseContext {
  readonly engine: Engine;
  readonly holder: LeaseHolder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: Health;
}

export interface LeaseRequest {
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** E3: is there something that others have begun, which is to be put right? */
  readonly touchesOthers?: () => Promise<boolean>;
}

/** What the one who waits has learnt so far. */
interface LeaseObservation {
  readonly isSilent: boolean;
  /** Somebody held the lease a moment ago. */
  readonly isHeard: boolean;
}

export class EngineLease implements Disposable {
  readonly #place: LeaseContext;
  /** It is taken, or given back, by one call at a time. */
  readonly #turns = new Semaphore(1);
  #generation: number | undefined;
  #beating: { readonly over: AbortController; readonly ended: Promise<void> } | undefined;
  #waitsFor: string | undefined;
  #n = 0;

  constructor(place: LeaseContext) {
    this.#place = place;
  }

  /** What keeps it from acting, in a sentence; undefined where nothing does. */
  get trouble(): string | undefined {
    return this.#waitsFor === undefined ? undefined : `it waits for ${this.#waitsFor}`;
  }

  get isHeld(): boolean {
    return this.#generation !== undefined;
  }

  /** Somebody with this DATA_DIR held it and died. */
  async isAbandoned(): Promise<boolean> {
    if (this.#generation !== undefined) return false;
    const { lease } = await readLeaseVolumes(this.#place.engine);
    return lease !== undefined && lease.home !== "" && lease.home === this.#place.holder.home;
  }

  /** E1: waits for its turn. Costs nothing where it is held already. @throws Suspended where the signal aborts first. */
  async hold(wanted: LeaseRequest): Promise<void> {
    if (this.isHeld) return;
    using _turn = await this.#turns.take();
    if (this.isHeld) return; // by one that asked before
    const { engine, clock, holder } = this.#place;
    if (await this.#isTaken(wanted, { isSilent: false, isHeard: false })) return;
    using signs = new LeaseSignalListener({ engine, clock, id: holder.id });
    try {
      await this.#wait(wanted, signs);
    } finally {
      this.#waitsFor = undefined;
    }
  }

  async #wait(wanted: LeaseRequest, signs: LeaseSignalListener): Promise<void> {
    const { engine, log, health } = this.#place;
    let [silent, isHeard] = [0, false];
    for (let told = ""; !wanted.signal.aborted;) {
      try {
        const marks = await readLeaseVolumes(engine);
        const who = marks.lease?.who ?? "whoever began what is half done there";
        this.#waitsFor = `another Ouroboros that acts on this Engine: ${who}`;
        if (who !== told) log.warn({ acting: who }, "another Ouroboros acts on this Engine; standing by");
        told = who;
        isHeard ||= marks.lease !== undefined;
        using _waits = health.trackWait(this.#waitsFor);
        const heard = await signs.listen(BEAT_MS, marks.signals, wanted.signal);
        silent = heard === "silence" ? silent + 1 : 0;
        isHeard = heard === "a sign of life" || (isHeard && heard !== "done");
        if (await this.#isTaken(wanted, { isSilent: silent >= SILENT_BEATS, isHeard })) return;
      } catch (error) {
        silent = 0;
        log.debug({ because: explain(error) }, "the lease of the Engine cannot be looked at");
        await this.#place.clock.sleep(BEAT_MS, wanted.signal);
      }
    }
    throw new Suspended(`stopped while it waited for ${this.#waitsFor ?? "another Ouroboros"}`);
  }

  async #isTaken({ touchesOthers }: LeaseRequest, { isSilent, isHeard }: LeaseObservation): Promise<boolean> {
    const { engine, holder, log } = this.#place;
    const { lease } = await readLeaseVolumes(engine);
    const isOwn = lease?.id === holder.id; // its making failed after it was done
    if (lease !== undefined && !isOwn && !isSilent && !(await isHolderDead(lease, holder, engine)))
      return false;
    if (lease === undefined && !isSilent && (isHeard || (await touchesOthers?.()) === true)) return false;
    const generation = (lease?.generation ?? 0) + 1;
    const now = await createLeaseVolume(engine, generation, holder);
    if (now.lease?.id !== holder.id) return false;
    this.#begin(generation);
    if (lease !== undefined)
      log.warn({ before: lease.who }, "took over from an Ouroboros that acts on this Engine no more");
    for (const name of [...now.older, ...now.signals]) await removeLeaseVolume(engine, name); // what the dead have left
    return true;
  }

  /** E4. @throws Fenced */
  async check(): Promise<void> {
    if (this.#generation === undefined) return;
    await this.#look();
    if (this.#generation === undefined) throw new Fenced("another Ouroboros acts on this Engine now");
  }

  /** E5 */
  async release(): Promise<void> {
    const { engine, clock, holder, log } = this.#place;
    const [generation, beating] = [this.#generation, this.#beating];
    this.#end();
    if (generation === undefined) return;
    using _turn = await this.#turns.take(); // nobody waits for another Ouroboros meanwhile: it was held
    await beating?.ended;
    for (let tries = 1; ; tries++)
      try {
        await removeLeaseVolume(engine, leaseName(generation));
        await sendLeaseSignal(engine, { kind: "done", id: holder.id }, this.#n++);
        const { signals } = await readLeaseVolumes(engine);
        for (const name of signals) {
          const { id, kind } = parseLeaseSignal(name) ?? {};
          if (id === holder.id || kind === "alive") await removeLeaseVolume(engine, name); // or of the dead, carried out late
        }
        return;
      } catch (error) {
        const because = explain(error);
        log.debug({ because }, "the lease of the Engine could not be given back"); // silence tells, then
        if (tries === RETURNS) return;
        await clock.sleep(BEAT_MS);
      }
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #begin(generation: number): void {
    this.#generation = generation;
    const over = new AbortController();
    this.#beating = { over, ended: this.#beat(over.signal) };
  }

  #end(): void {
    this.#beating?.over.abort();
    this.#generation = undefined;
  }

  /** E2 */
  async #beat(over: AbortSignal): Promise<void> {
    const { engine, holder, clock, log } = this.#place;
    while (!over.aborted) {
      try {
        const sign = await sendLeaseSignal(engine, { kind: "alive", id: holder.id }, this.#n++);
        await this.#look();
        await removeLeaseVolume(engine, sign);
      } catch (error) {
        log.debug({ because: explain(error) }, "no sign of life could be given");
      }
      await clock.sleep(BEAT_MS, over);
    }
  }

  async #look(): Promise<void> {
    const { engine, holder, log } = this.#place;
    const { lease } = await readLeaseVolumes(engine);
    const generation = this.#generation;
    if (generation === undefined) return; // given back meanwhile
    if (lease === undefined) await createLeaseVolume(engine, generation, holder);
    else if (lease.id !== holder.id) {
      log.warn({ acting: lease.who }, "the lease of this Engine is another's now");
      this.#end();
    }
  }
}
