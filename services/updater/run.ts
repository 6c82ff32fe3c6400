// The updater: for each host take the fence, put right what was left behind, finish the open run, then take plans.
import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { NatsConnection } from "nats";
import { z } from "zod";
import { iso, firstOf } from "../../shared/clock.ts";
import { Fenced, Suspended, explain } from "../../shared/errors.ts";
import { bucketOf } from "../../shared/jetstream-client.ts";
import { parseJson } from "../../shared/messages.ts";
import { connectUnlessStopped, leaveNats, natsAnswers } from "../../shared/nats.ts";
import { type Context, type Host, type Service, forEachHost } from "../../shared/run-service.ts";
import { BUCKETS } from "../../shared/subjects.ts";
import { token } from "../../shared/tokens.ts";
import { openBus } from "./bus.ts";
import { prepareSnapshots } from "./journal/snapshots.ts";
import { Counters } from "./journal/counters.ts";
import { Doorbell } from "./gate/doorbell.ts";
import { Fence } from "./journal/fence.ts";
import { type EngineLease, leaseOn } from "./lease/engine-lease.ts";
import { helpersEnd } from "./self/helper-container.ts";
import { helperWith } from "./self/helper.ts";
import { Participants } from "./gate/participants.ts";
import { Semaphore } from "./swap/places.ts";
import { ensureHostConsumers, keepConsumers, keepPrepared, prepareNats } from "./prepared.ts";
import { recoverHost, settleAlone } from "./recover/recover.ts";
import { References } from "./swap/references.ts";
import { serve } from "./serve.ts";
import type { SwapStep } from "./swap/swap.ts";
import { swapSteps } from "./swap/swap-steps.ts";

export const runUpdater: Service = (context) => runUpdaterWith(context, swapSteps);

/** The helper of a self-update; `order` is its job, in JSON. */
export const runHelper = (order: string): Service => helperWith(swapSteps, order);

/** `steps` replace a container; tests hand in ones that break. */
export async function runUpdaterWith(context: Context, steps: readonly SwapStep[]): Promise<number> {
  const state: { wrong: string | undefined } = { wrong: "does not act or stand by yet" };
  context.health.part("updater", () => state.wrong);
  await prepareSnapshots(context.settings.DATA_DIR);
  using hardStop = hardStopAfter(context);
  using leases = new Leases(context);
  if (!(await natsAnswers(context.settings)))
    await recoverUntilNatsAnswers({ context, leases, hardStop: hardStop.signal });
  const nats = await connectUnlessStopped("updater", context);
  if (nats === undefined) return 0;
  try {
    await prepareNats(nats, context);
    state.wrong = undefined;
    return await forEachHost(context, (host) =>
      updateHost({ context, leases, nats, host, steps, hardStop: hardStop.signal }),
    );
  } finally {
    await leaveNats(nats);
  }
}

/** A signal that aborts STOP_GRACE after the service was told to stop. */
function hardStopAfter({ settings, clock, signal }: Context): Disposable & { readonly signal: AbortSignal } {
  const hardStop = new AbortController();
  setMaxListeners(0, hardStop.signal); // one for each container that is proved
  const over = new AbortController();
  const onStop = (): void => {
    void clock.sleep(settings.STOP_GRACE, over.signal).then(() => hardStop.abort());
  };
  signal.addEventListener("abort", onStop, { once: true });
  return {
    signal: hardStop.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", onStop);
      over.abort();
    },
  };
}

/** While NATS is away and an Engine, too. */
const LOOK_MS = 1000;

const Claim = z.object({ engine_id: z.string() });

interface Work {
  readonly context: Context;
  readonly leases: Leases;
  readonly hardStop: AbortSignal;
}

interface HostWork extends Work {
  readonly nats: NatsConnection;
  readonly host: Host;
  readonly steps: readonly SwapStep[];
}

/** Until the service stops. Whoever loses the fence follows as standby. */
async function updateHost(work: HostWork): Promise<number> {
  const { context, nats, host, steps, hardStop } = work;
  const log = context.log.child({ host: host.name });
  const refuse = (): number => {
    log.fatal(
      { engine: host.engine.id },
      `host name ${host.name} belongs to another Engine: give this one a name of its own with OUROBOROS_HOST`,
    );
    return 1;
  };
  if (!(await isOurs(nats, host))) return refuse();
  await ensureHostConsumers(nats, { ...context, log }, host.name);
  if (context.signal.aborted) return 0;
  const own = { writer: randomBytes(8).toString("hex"), lease: await work.leases.on(host) };
  const bus = await openBus(nats, context, host, own);
  void keepPrepared(bus);
  void keepConsumers(bus);
  await using participants = await Participants.follow(bus);
  using doorbell = new Doorbell(nats, host.name, context.clock);
  const places = new Semaphore(context.settings.SWAPS);
  const making = new Semaphore(1);
  const references = new References();
  const [silences, tries] = [new Map<string, number>(), new Map<string, number>()];
  const counters = await openCounters({ ...context, log }, host.name);
  const alone = () => standInUntilNatsAnswers(work, host);
  for (let standby = false; !context.signal.aborted; standby = true) {
    try {
      const fence = await Fence.take(bus, { standby, alone });
      if (!(await isOurs(nats, host))) return refuse(); // claimed meanwhile
      log.info({ writer: bus.writer, resuming: fence.open?.run }, "this updater acts on the host");
      await serve({
        ...{ bus, fence, participants, doorbell, counters, hardStop },
        ...{ places, making, references, steps, silences, tries },
      });
    } catch (error) {
      if (error instanceof Suspended) break;
      if (!(error instanceof Fenced)) throw error;
      log.warn({ because: explain(error) }, "another updater took over; standing by");
    }
  }
  return 0;
}

function openCounters({ settings, log, clock }: Context, host: string): Promise<Counters> {
  const { DATA_DIR: dataDir, SAVE_COUNTERS: save } = settings;
  return Counters.open({ dataDir, save, host, log, now: iso(clock.now()) });
}

/** The poller claims a host's name for an Engine; another Engine under that name must not be changed. */
async function isOurs(nats: NatsConnection, { name, engine }: Host): Promise<boolean> {
  const hosts = await bucketOf(nats, BUCKETS.hosts);
  const entry = await hosts.get(token(name));
  const claimed = entry?.operation === "PUT" ? Claim.safeParse(parseJson(entry.string())) : undefined;
  return claimed?.data === undefined || claimed.data.engine_id === engine.id;
}

/** An Engine that does not answer before NATS does is waited for later: the others have an updater by then. */
const recoverUntilNatsAnswers = (work: Work): Promise<void> =>
  untilNatsAnswers(work.context, (enough) =>
    forEachHost({ ...work.context, signal: enough }, async (host) => {
      work.context.log.warn({ host: host.name }, "NATS does not answer; recovering from the Engine alone");
      await recoverWithoutNats({ ...work, enough }, host);
      return 0;
    }),
  );

/** The active updater may die at any time before NATS is back: a standby recovers what it leaves. */
function standInUntilNatsAnswers(work: Work, host: Host): Promise<void> {
  const { log, clock } = work.context;
  log.warn(
    { host: host.name },
    "NATS does not answer; this standby recovers what another updater may leave on the Engine",
  );
  return untilNatsAnswers(work.context, async (enough) => {
    const lease = await work.leases.on(host);
    while (!enough.aborted && !lease.isHeld) {
      await recoverWithoutNats({ ...work, enough }, host);
      await clock.sleep(LOOK_MS, enough);
    }
  });
}

/** `enough`: it answers. */
async function untilNatsAnswers(
  { settings, clock, signal }: Context,
  recover: (enough: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const answers = new AbortController();
  const enough = firstOf(signal, answers.signal);
  const recovering = recover(enough);
  recovering.catch(() => answers.abort()); // told where it is awaited
  while (!enough.aborted) {
    await clock.sleep(LOOK_MS, enough);
    if (!enough.aborted && (await natsAnswers(settings))) answers.abort();
  }
  await recovering;
}

/**
 * Nobody holds the fence without NATS: of several updaters the one that gets the Engine's lease recovers. A successor that
 * has proved itself runs; its old container is kept, for the hooks to decide about when NATS is back, and so is the lease.
 */
async function recoverWithoutNats(
  { context, leases, hardStop, enough }: Work & { readonly enough: AbortSignal },
  host: Host,
): Promise<void> {
  const log = context.log.child({ host: host.name });
  const own = { lease: await leases.on(host), openRun: undefined };
  const it = { ...context, log, host, hardStop, making: new Semaphore(1), signal: enough, ...own };
  await helpersEnd(host.engine, context.clock, context.signal);
  try {
    const { swaps, ...recovered } = await recoverHost(it);
    const over = new Map([...swaps].filter(([, { outcome }]) => outcome.kind !== "done"));
    await settleAlone(it, { ...recovered, swaps: over }, undefined);
    if (over.size === swaps.size && recovered.undecided.length === 0) await own.lease.release();
  } catch (error) {
    if (!(error instanceof Suspended)) throw error; // NATS answers, and another updater acts
  }
}

/** One for each Engine, for as long as the updater runs. */
class Leases implements Disposable {
  readonly #context: Context;
  readonly #leases = new Map<string, Promise<EngineLease>>();

  constructor(context: Context) {
    this.#context = context;
  }

  async on(host: Host): Promise<EngineLease> {
    const made = this.#leases.get(host.name) ?? leaseOn(this.#context, host);
    this.#leases.set(host.name, made);
    return made;
  }

  [Symbol.dispose](): void {
    for (const made of this.#leases.values()) void made.then((lease) => lease[Symbol.dispose]());
  }
}
