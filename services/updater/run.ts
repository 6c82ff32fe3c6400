// The updater service. For each host: take the fence, recover what an earlier updater left behind, finish the open
// run, then take plans (serve.ts).
import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { NatsConnection } from "nats";
import * as z from "zod";
import { iso, firstOf } from "../../shared/clock.ts";
import { Fenced, Suspended, explain } from "../../shared/errors.ts";
import { bucketOf } from "../../shared/nats/jetstream-client.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { connectUnlessStopped, closeNats, isNatsAnswering } from "../../shared/nats/nats-connection.ts";
import {
  type ServiceContext,
  type Host,
  type Service,
  forEachHost,
} from "../../shared/runtime/run-service.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import { openBus } from "./bus.ts";
import { prepareSnapshots } from "./journal/snapshot-store.ts";
import { Counters } from "./journal/update-counters.ts";
import { Approvals } from "./gate/approvals.ts";
import { VerdictSignals } from "./gate/verdict-signals.ts";
import { Fence } from "./journal/fence.ts";
import { type EngineLease, createEngineLease } from "./lease/engine-lease.ts";
import { awaitHelper } from "./containers/helper-container.ts";
import { makeHelperService } from "./self-update-helper.ts";
import { Participants } from "./gate/gate-participants.ts";
import { Semaphore } from "./semaphore.ts";
import {
  ensureHostConsumers,
  maintainConsumers,
  restoreTopologyOnReconnect,
  prepareNats,
} from "./ensure-topology.ts";
import { recoverHost, settleUnresumed } from "./recover/recover-host.ts";
import { ContainerReferences } from "./containers/container-references.ts";
import { serve } from "./serve.ts";
import type { SwapStep } from "./swap/swap-state.ts";
import { swapSteps } from "./swap/swap-steps.ts";

export const runUpdater: Service = (context) => runUpdaterWith(context, swapSteps);

/** The helper of a self-update; `order` is its job, in JSON. */
export const runHelper = (order: string): Service => makeHelperService(swapSteps, order);

/** `steps` replace a container; tests pass steps that fail. */
export async function runUpdaterWith(context: ServiceContext, steps: readonly SwapStep[]): Promise<number> {
  const state: { wrong: string | undefined } = { wrong: "does not act or stand by yet" };
  context.health.addPart("updater", () => state.wrong);
  await prepareSnapshots(context.settings.DATA_DIR);
  using hardStop = makeHardStop(context);
  using leases = new Leases(context);
  if (!(await isNatsAnswering(context.settings)))
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
    await closeNats(nats);
  }
}

/** A signal that aborts STOP_GRACE after the service was asked to stop. */
function makeHardStop({
  settings,
  clock,
  signal,
}: ServiceContext): Disposable & { readonly signal: AbortSignal } {
  const hardStop = new AbortController();
  setMaxListeners(0, hardStop.signal); // each container that is being verified adds a listener
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

/** While NATS does not answer: how often to try it again, and how often a standby looks at the Engine. */
const RETRY_MS = 1000;

const Claim = z.object({ engine_id: z.string() });

interface Work {
  readonly context: ServiceContext;
  readonly leases: Leases;
  readonly hardStop: AbortSignal;
}

interface HostWork extends Work {
  readonly nats: NatsConnection;
  readonly host: Host;
  readonly steps: readonly SwapStep[];
}

/** Runs until the service stops. An updater that loses the fence becomes a standby. */
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
  if (!(await ownsHostName(nats, host))) return refuse();
  await ensureHostConsumers(nats, { ...context, log }, host.name);
  if (context.signal.aborted) return 0;
  const identity = { writer: randomBytes(8).toString("hex"), lease: await work.leases.on(host) };
  const bus = await openBus(nats, context, host, identity);
  void restoreTopologyOnReconnect(bus);
  void maintainConsumers(bus);
  await using participants = await Participants.follow(bus);
  await using approvals = await Approvals.follow(bus);
  using verdictSignals = new VerdictSignals(nats, host.name);
  const swapSemaphore = new Semaphore(context.settings.SWAPS);
  const tagSemaphore = new Semaphore(1);
  const references = new ContainerReferences();
  const [engineSilences, planFailures] = [new Map<string, number>(), new Map<string, number>()];
  const counters = await openCounters({ ...context, log }, host.name);
  const recoverFromEngine = () => standInUntilNatsAnswers(work, host);
  for (let isStandby = false; !context.signal.aborted; isStandby = true) {
    try {
      const fence = await Fence.take(bus, { isStandby, recoverFromEngine });
      if (!(await ownsHostName(nats, host))) return refuse(); // another Engine may have claimed the name meanwhile
      log.info({ writer: bus.writer, resuming: fence.open?.run }, "this updater acts on the host");
      await serve({
        ...{ bus, fence, participants, approvals, verdictSignals, counters, hardStop },
        ...{ swapSemaphore, tagSemaphore, references, steps, engineSilences, planFailures },
      });
    } catch (error) {
      if (error instanceof Suspended) break;
      if (!(error instanceof Fenced)) throw error;
      log.warn({ because: explain(error) }, "another updater took over; standing by");
    }
  }
  return 0;
}

function openCounters({ settings, log, clock }: ServiceContext, host: string): Promise<Counters> {
  const { DATA_DIR: dataDir, SAVE_COUNTERS: save } = settings;
  return Counters.open({ dataDir, save, host, log, now: iso(clock.now()) });
}

/** The poller claims each host name for one Engine. Another Engine under that name must not be changed. */
async function ownsHostName(nats: NatsConnection, { name, engine }: Host): Promise<boolean> {
  const hosts = await bucketOf(nats, BUCKETS.hosts);
  const entry = await hosts.get(encodeToken(name));
  const claimed = entry?.operation === "PUT" ? Claim.safeParse(parseJson(entry.string())) : undefined;
  return claimed?.data === undefined || claimed.data.engine_id === engine.id;
}

/** An Engine that answers later than NATS is waited for later, when the other hosts have an updater. */
const recoverUntilNatsAnswers = (work: Work): Promise<void> =>
  untilNatsAnswers(work.context, (recoverySignal) =>
    forEachHost({ ...work.context, signal: recoverySignal }, async (host) => {
      work.context.log.warn({ host: host.name }, "NATS does not answer; recovering from the Engine alone");
      await recoverWithoutNats({ ...work, recoverySignal }, host);
      return 0;
    }),
  );

/** The active updater may die at any time before NATS is back; this standby then recovers what it left. */
function standInUntilNatsAnswers(work: Work, host: Host): Promise<void> {
  const { log, clock } = work.context;
  log.warn(
    { host: host.name },
    "NATS does not answer; this standby recovers what another updater may leave on the Engine",
  );
  return untilNatsAnswers(work.context, async (recoverySignal) => {
    const lease = await work.leases.on(host);
    while (!recoverySignal.aborted && !lease.isHeld) {
      await recoverWithoutNats({ ...work, recoverySignal }, host);
      await clock.sleep(RETRY_MS, recoverySignal);
    }
  });
}

/** The signal that `recover` gets aborts when NATS answers or the service stops. */
async function untilNatsAnswers(
  { settings, clock, signal }: ServiceContext,
  recover: (recoverySignal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const answers = new AbortController();
  const recoverySignal = firstOf(signal, answers.signal);
  const recovering = recover(recoverySignal);
  recovering.catch(() => answers.abort()); // the error is thrown where `recovering` is awaited
  while (!recoverySignal.aborted) {
    await clock.sleep(RETRY_MS, recoverySignal);
    if (!recoverySignal.aborted && (await isNatsAnswering(settings))) answers.abort();
  }
  await recovering;
}

/**
 * Without NATS nobody holds the fence: of several updaters the one that gets the Engine's lease recovers. A successor
 * that has proved itself keeps running. Its old container and the lease are kept until NATS is back and the hooks
 * decide.
 */
async function recoverWithoutNats(
  { context, leases, hardStop, recoverySignal }: Work & { readonly recoverySignal: AbortSignal },
  host: Host,
): Promise<void> {
  const log = context.log.child({ host: host.name });
  const own = { lease: await leases.on(host), openRun: undefined };
  const recoveryContext = {
    ...context,
    log,
    host,
    hardStop,
    tagSemaphore: new Semaphore(1),
    signal: recoverySignal,
    ...own,
  };
  try {
    // a helper may be waiting for this process to get ready, which it cannot before it is connected
    await awaitHelper(host.engine, context.clock, recoverySignal);
    const { swaps, ...recovered } = await recoverHost(recoveryContext);
    const unproven = new Map([...swaps].filter(([, { outcome }]) => outcome.kind !== "done"));
    await settleUnresumed(recoveryContext, { ...recovered, swaps: unproven }, undefined);
    if (unproven.size === swaps.size && recovered.undecided.length === 0) await own.lease.release();
  } catch (error) {
    if (!(error instanceof Suspended)) throw error; // NATS answers
  }
}

/** One lease for each Engine, for as long as the updater runs. */
class Leases implements Disposable {
  readonly #context: ServiceContext;
  readonly #leases = new Map<string, Promise<EngineLease>>();

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  async on(host: Host): Promise<EngineLease> {
    const pending = this.#leases.get(host.name) ?? createEngineLease(this.#context, host);
    this.#leases.set(host.name, pending);
    return pending;
  }

  [Symbol.dispose](): void {
    for (const pending of this.#leases.values()) void pending.then((lease) => lease[Symbol.dispose]());
  }
}
