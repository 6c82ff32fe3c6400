// The lease of an Engine: one Ouroboros acts on it at a time, whichever NATS and DATA_DIR each uses. The fence
// (journal/fence.ts) works within one NATS. All of them share the Engine, so the lease is kept there. An idle process
// holds no lease.
//   E1  A process that touches a container, or the remains of a swap, holds the lease: a volume whose highest
//       generation counts. Creating a volume is atomic, so only one of several processes gets the next generation.
//   E2  The holder sends a signal every BEAT_MS. Another process takes the lease over only after SILENT_BEATS without
//       any signal from it, or if the holder is known to be dead (lease-holder.ts).
//   E3  A prune may remove the lease. A missing lease is free at once for new work, which touches nothing that others
//       began. For work that others began it is free only after the same silence.
//   E4  The holder checks the lease before each stop. If it lost the lease it throws Fenced; if the lease was pruned
//       it creates it again.
//   E5  The holder releases the lease when it has no more work. A process that dies, or is stopped, in the middle of
//       its work leaves the lease behind.
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
/** How often releasing the lease is tried: the Engine may be restarting. */
const RELEASE_TRIES = 5;

interface LeaseContext {
  readonly engine: Engine;
  readonly holder: LeaseHolder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: Health;
}

export interface LeaseRequest {
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** E3: does the work include something that others began? */
  readonly touchesOthers?: () => Promise<boolean>;
}

/** What a waiting process has observed so far. */
interface LeaseObservation {
  readonly isSilent: boolean;
  /** Another process held the lease a moment ago. */
  readonly isHeard: boolean;
}

export class EngineLease implements Disposable {
  readonly #context: LeaseContext;
  /** One call at a time takes or releases the lease. */
  readonly #turns = new Semaphore(1);
  #generation: number | undefined;
  #beating: { readonly over: AbortController; readonly ended: Promise<void> } | undefined;
  #waitsFor: string | undefined;
  #n = 0;

  constructor(context: LeaseContext) {
    this.#context = context;
  }

  /** Why this process must not act now, as a sentence; undefined if it may. */
  get trouble(): string | undefined {
    return this.#waitsFor === undefined ? undefined : `it waits for ${this.#waitsFor}`;
  }

  get isHeld(): boolean {
    return this.#generation !== undefined;
  }

  /** A process with the same DATA_DIR held the lease and died. */
  async isAbandoned(): Promise<boolean> {
    if (this.#generation !== undefined) return false;
    const { lease } = await readLeaseVolumes(this.#context.engine);
    return lease !== undefined && lease.home !== "" && lease.home === this.#context.holder.home;
  }

  /** E1: waits for the lease. Costs nothing if it is held already. @throws Suspended if the signal aborts first. */
  async hold(request: LeaseRequest): Promise<void> {
    if (this.isHeld) return;
    using _turn = await this.#turns.take();
    if (this.isHeld) return; // an earlier call took it
    const { engine, clock, holder } = this.#context;
    if (await this.#tryTake(request, { isSilent: false, isHeard: false })) return;
    using listener = new LeaseSignalListener({ engine, clock, id: holder.id });
    try {
      await this.#wait(request, listener);
    } finally {
      this.#waitsFor = undefined;
    }
  }

  async #wait(request: LeaseRequest, listener: LeaseSignalListener): Promise<void> {
    const { engine, log, health } = this.#context;
    let [silentBeats, isHeard] = [0, false];
    for (let logged = ""; !request.signal.aborted;) {
      try {
        const volumes = await readLeaseVolumes(engine);
        const who = volumes.lease?.who ?? "whoever began what is half done there";
        this.#waitsFor = `another Ouroboros that acts on this Engine: ${who}`;
        if (who !== logged) log.warn({ acting: who }, "another Ouroboros acts on this Engine; standing by");
        logged = who;
        isHeard ||= volumes.lease !== undefined;
        using _waits = health.trackWait(this.#waitsFor);
        const heard = await listener.listen(BEAT_MS, volumes.signals, request.signal);
        silentBeats = heard === "silence" ? silentBeats + 1 : 0;
        isHeard = heard === "a sign of life" || (isHeard && heard !== "done");
        if (await this.#tryTake(request, { isSilent: silentBeats >= SILENT_BEATS, isHeard })) return;
      } catch (error) {
        silentBeats = 0;
        log.debug({ because: explain(error) }, "the lease of the Engine cannot be looked at");
        await this.#context.clock.sleep(BEAT_MS, request.signal);
      }
    }
    throw new Suspended(`stopped while it waited for ${this.#waitsFor ?? "another Ouroboros"}`);
  }

  /** Resolves with whether this process holds the lease now. */
  async #tryTake({ touchesOthers }: LeaseRequest, { isSilent, isHeard }: LeaseObservation): Promise<boolean> {
    const { engine, holder, log } = this.#context;
    const { lease } = await readLeaseVolumes(engine);
    const isOwn = lease?.id === holder.id; // an earlier create call failed, but the Engine carried it out
    if (lease !== undefined && !isOwn && !isSilent && !(await isHolderDead(lease, holder, engine)))
      return false;
    if (lease === undefined && !isSilent && (isHeard || (await touchesOthers?.()) === true)) return false;
    const generation = (lease?.generation ?? 0) + 1;
    const volumes = await createLeaseVolume(engine, generation, holder);
    if (volumes.lease?.id !== holder.id) return false;
    this.#begin(generation);
    if (lease !== undefined)
      log.warn(
        { before: lease.who },
        "took over from another Ouroboros, which no longer acts on this Engine",
      );
    // Dead processes left these.
    for (const name of [...volumes.older, ...volumes.signals]) await removeLeaseVolume(engine, name);
    return true;
  }

  /** E4. @throws Fenced */
  async check(): Promise<void> {
    if (this.#generation === undefined) return;
    await this.#renew();
    if (this.#generation === undefined) throw new Fenced("another Ouroboros acts on this Engine now");
  }

  /** E5 */
  async release(): Promise<void> {
    const { clock, log } = this.#context;
    const [generation, beating] = [this.#generation, this.#beating];
    this.#end();
    if (generation === undefined) return;
    using _turn = await this.#turns.take(); // comes at once: the lease was held, so no call is waiting for it
    await beating?.ended;
    for (let tries = 1; ; tries++) {
      const because = await this.#giveBack(generation).catch(explain);
      if (because === undefined) return;
      log.debug({ because }, "the lease of the Engine could not be given back"); // E2: others take it over
      if (tries === RELEASE_TRIES) return;
      await clock.sleep(BEAT_MS);
    }
  }

  /** Resolves with what is left of it, in a sentence; undefined where nothing is. @throws the Engine's error. */
  async #giveBack(generation: number): Promise<string | undefined> {
    const { engine, holder } = this.#context;
    await removeLeaseVolume(engine, leaseName(generation));
    await sendLeaseSignal(engine, { kind: "done", id: holder.id }, this.#n++);
    for (const name of await this.#signalsToRemove()) await removeLeaseVolume(engine, name);
    const [left] = await this.#signalsToRemove(); // the Engine may have had it in use
    return left === undefined ? undefined : `the volume ${left} is still there`;
  }

  /**
   * Ours, and those of a holder before, whose call the Engine carried out after it had ended. Who waits removes its own, and
   * hears of the others' by the Engine's events.
   */
  async #signalsToRemove(): Promise<readonly string[]> {
    const { engine, holder } = this.#context;
    return (await readLeaseVolumes(engine)).signals.filter((name) => {
      const { id, kind } = parseLeaseSignal(name) ?? {};
      return id === holder.id || kind !== "waits";
    });
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
    const { engine, holder, clock, log } = this.#context;
    while (!over.aborted) {
      try {
        const volume = await sendLeaseSignal(engine, { kind: "alive", id: holder.id }, this.#n++);
        await this.#renew();
        await removeLeaseVolume(engine, volume);
      } catch (error) {
        log.debug({ because: explain(error) }, "no sign of life could be given");
      }
      await clock.sleep(BEAT_MS, over);
    }
  }

  /** E4: creates a pruned lease again, and ends a lost one. */
  async #renew(): Promise<void> {
    const { engine, holder, log } = this.#context;
    const { lease } = await readLeaseVolumes(engine);
    const generation = this.#generation;
    if (generation === undefined) return; // released meanwhile
    if (lease === undefined) await createLeaseVolume(engine, generation, holder);
    else if (lease.id !== holder.id) {
      log.warn({ acting: lease.who }, "another Ouroboros has the lease of this Engine now");
      this.#end();
    }
  }
}
