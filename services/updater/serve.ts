// What an updater does while it holds the fence of a host: recover, resume the open run, then run one plan after
// another.
import { firstOf } from "../../shared/clock.ts";
import type { JsMsg } from "@nats-io/jetstream";
import { consume } from "../../shared/nats/consume.ts";
import { Fenced, Suspended, explain } from "../../shared/errors.ts";
import { getServerTime, retryUntilAnswered } from "../../shared/nats/jetstream.ts";
import { getLastKept } from "../../shared/nats/reserve.ts";
import { STREAMS, consumers, subjects } from "../../shared/contract/subjects.ts";
import { ExclusiveWork } from "./exclusive-work.ts";
import { type RecoverySummary, answerCommands } from "./commands.ts";
import { dropOtherSnapshots } from "./journal/snapshot-store.ts";
import { awaitHelper, removeHelper } from "./containers/helper-container.ts";
import { type Plan, parsePlan } from "./plan/plan-message.ts";
import { type HostRecovery, recoverHost, settleUnresumed } from "./recover/recover-host.ts";
import { runPlanOrGiveUp } from "./plan/run-plan-or-give-up.ts";
import { findRefusedRecreations } from "./plan/hard-dependencies.ts";
import { effectiveMode } from "./plan/mode.ts";
import { readCredentialSettings } from "./containers/pull-image.ts";
import { reportRecovery } from "./recover/report-recovery.ts";
import { releaseOtherImages } from "./swap/rollback-resources.ts";
import type { Updater } from "./updater.ts";

const FENCE_CHECK_INTERVAL_MS = 15_000;

const NOTHING_RECOVERED: HostRecovery = { swaps: new Map(), markers: [], restored: [], undecided: [] };

/** Returns when the service stops or yields to another updater. @throws Fenced, Suspended */
export async function serve(updater: Updater): Promise<void> {
  const { bus, fence } = updater;
  const yielded = new AbortController();
  const acting = new ExclusiveWork();
  let lastRecovery: RecoverySummary = { run: null, restored: [] };
  const recover = async (): Promise<RecoverySummary> => (lastRecovery = await recoverAndResume(updater));
  const recovering = acting.runAlone(() => retryUntilResumed(updater, recover)); // busy before anyone can ask
  using _commands = answerCommands(updater, { acting, yielded, recover, last: () => lastRecovery });
  await recovering;
  using _looks = bus.clock.every(FENCE_CHECK_INTERVAL_MS, () => {
    void fence.isLost().then((lost) => lost && yielded.abort()); // F4
  });
  await consume(bus.nats, {
    js: bus.js,
    stream: STREAMS.hooks,
    durable: consumers.updater(bus.host.name),
    log: bus.context.log,
    clock: bus.clock,
    signal: firstOf(bus.signal, yielded.signal),
    handle: (message) =>
      acting.runAlone(async () => {
        if (fence.open !== undefined) await recover(); // this process failed in the middle of a run
        const plan = await readPlan(updater, message);
        await runPlanOrGiveUp(updater, plan, NOTHING_RECOVERED);
      }),
  });
}

async function readPlan({ bus }: Updater, message: JsMsg): Promise<Plan> {
  const publishedAt = message.info.timestampNanos / 1e6;
  const durable = consumers.updater(bus.host.name);
  const now = () => retryUntilAnswered(bus, () => getServerTime(bus.manager, STREAMS.hooks, durable));
  return parsePlan(message.string(), { publishedAt, takenAt: (await now()) ?? publishedAt });
}

const RETRY_MS = 5000;

/** Retries after every other error, since what was begun must not be given up. @throws Fenced, Suspended */
async function retryUntilResumed(updater: Updater, recover: () => Promise<RecoverySummary>): Promise<void> {
  const { context, nats, clock, signal } = updater.bus;
  for (let lastError = ""; ;) {
    try {
      await recover();
      return;
    } catch (error) {
      if (error instanceof Fenced || error instanceof Suspended || nats.isClosed()) throw error;
      const because = explain(error);
      if (because !== lastError) context.log.warn({ because, err: error }, "recovery is tried again");
      lastError = because;
      if (signal.aborted)
        throw new Suspended("stopped before what was begun was put right", { cause: error });
      await clock.sleep(RETRY_MS, signal);
    }
  }
}

async function recoverAndResume(updater: Updater): Promise<RecoverySummary> {
  const { bus, fence, hardStop, tagSemaphore } = updater;
  const recoveryOptions = {
    lease: bus.lease,
    openRun: fence.open?.run,
    refused: await findRefusedRecreations(bus, fence.open?.run),
  };
  const credentials = () => readCredentialSettings(bus);
  const recoveryContext = {
    ...bus.context,
    host: bus.host,
    hardStop,
    tagSemaphore,
    credentials,
    ...recoveryOptions,
  };
  const helped = await awaitHelper(bus.host.engine, bus.clock, bus.signal);
  const recovered = { ...(await recoverHost(recoveryContext)), helped };
  const plan = await findOpenPlan(updater);
  const resumed =
    plan !== undefined && effectiveMode(plan, bus.context.settings) === "update" ? plan.run : undefined;
  const restored = await settleUnresumed(recoveryContext, recovered, resumed);
  await reportRecovery(bus, restored);
  const stuck = [...recovered.restored, ...restored]
    .filter(({ end }) => end === "stuck")
    .map(({ run }) => run);
  await dropOtherSnapshots(recoveryContext, plan === undefined ? stuck : [plan.run, ...stuck]);
  const swaps = resumed === undefined ? [] : [...recovered.swaps.values()].map(({ swap }) => swap);
  await releaseOtherImages(bus.host.engine, { runs: stuck, swaps }).catch((error: unknown) => {
    const because = explain(error);
    bus.context.log.warn({ because }, "tags of an earlier update are left; the next start removes them");
  });
  const unfinished = resumed === undefined ? { ...NOTHING_RECOVERED, helped } : recovered;
  if (plan !== undefined) await runPlanOrGiveUp(updater, plan, unfinished);
  else if (fence.open !== undefined) await fence.end();
  await removeHelper(bus.host.engine);
  await bus.lease.release();
  return { run: plan?.run ?? null, restored };
}

/** The plan of the open run, if it is still stored. */
async function findOpenPlan({ bus, fence }: Updater): Promise<Plan | undefined> {
  if (fence.open === undefined) return undefined;
  const host = bus.host.name;
  const event = { host, hook: "updates_enumerated", container: null, event: fence.open.plan } as const;
  const at = { host, stream: STREAMS.hooks, subject: subjects.hook(event) };
  const kept = await retryUntilAnswered(bus, () => getLastKept(bus.manager, at));
  if (kept === undefined) return undefined;
  const publishedAt = kept.message.time.getTime();
  return parsePlan(kept.message.string(), { publishedAt, takenAt: publishedAt }); // a run that was begun does not expire
}
