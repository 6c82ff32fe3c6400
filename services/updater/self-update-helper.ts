// The helper container of a self-update: it replaces the container of an updater, which cannot itself outlive that,
// or puts it back. The helper needs only the Engine: a private NATS ends with the container that is replaced. The
// updaters ask at the gates, the old one before and the new one after, and keep the journal. They need no fence
// against the helper, since they wait for it.
import type { ContainerInspection } from "../../shared/docker/inspect-documents.ts";
import { NOT_MODIFIED, type Engine, ifExists, ignoreStatuses } from "../../shared/docker/engine.ts";
import { CannotStart, Expired, explain } from "../../shared/errors.ts";
import { messageOf, reasonOf } from "../../shared/catalogue/entry.ts";
import { settingErrors } from "../../shared/catalogue/start-errors.ts";
import { changedMeanwhile } from "../../shared/catalogue/update-failures.ts";
import { type ServiceContext, type Service, openHost } from "../../shared/runtime/run-service.ts";
import { prepareSnapshots } from "./journal/snapshot-store.ts";
import { lookForDependants } from "./swap/start-dependants.ts";
import { HelperJob, disableHelperRestarts } from "./containers/helper-container.ts";
import { writeHelperReport } from "./containers/helper-report.ts";
import { createEngineLease } from "./lease/engine-lease.ts";
import { Semaphore } from "./semaphore.ts";
import { type RecoveryContext, makeRecoveredContext, rebuildSwap } from "./recover/interrupted-swap.ts";
import { type HostRecoveryContext, recoverHost } from "./recover/recover-host.ts";
import { findSwapContainers } from "./swap/swap-containers.ts";
import { type SagaOutcome, runSteps, undoSteps } from "./swap/saga.ts";
import { type Swap, type SwapStep, makeSwap } from "./swap/swap-state.ts";
import { SwapTimer } from "./swap/swap-timer.ts";

/**
 * Exits with 0 when done, with 1 if the old container runs as before. Otherwise the next start of the helper tries
 * again.
 */
export const makeHelperService =
  (steps: readonly SwapStep[], jobText: string): Service =>
  async (context) => {
    const job = HelperJob.safeParse(JSON.parse(jobText));
    if (!job.success) throw new CannotStart(messageOf(settingErrors.helperOnly));
    const host = await openHost(context, 0);
    if (host === undefined) return 1;
    await prepareSnapshots(context.settings.DATA_DIR).catch(() => undefined); // the updaters complain about it
    using lease = await createEngineLease(context, host);
    const recoveryOptions = { lease, openRun: job.data.run };
    const helperContext = {
      ...context,
      host,
      hardStop: context.signal,
      tagSemaphore: new Semaphore(1),
      ...recoveryOptions,
    };
    const outcome = await (job.data.way === "forward" ? replaceUpdater : rollBackUpdater)(
      helperContext,
      job.data,
      steps,
    );
    await report(helperContext, job.data, outcome);
    if (outcome.kind === "stuck" || context.signal.aborted) return 1;
    await lease.release();
    await disableHelperRestarts(host.engine);
    return outcome.kind === "done" ? 0 : 1;
  };

/** For the updater that waits. One of an earlier version reads `because` in the last line of the log. */
async function report(
  { log, host }: HelperContext,
  { name: container, run, way }: HelperJob,
  outcome: SagaOutcome,
): Promise<void> {
  const because =
    outcome.kind === "done" ? undefined : `"${outcome.failed}" failed: ${explain(outcome.cause)}`;
  await writeHelperReport(host.engine, { run, way, end: outcome.kind, because }).catch((error: unknown) =>
    log.warn({ err: error }, "the helper's report could not be written; its log has it"),
  );
  if (outcome.kind === "done") log.info({ container, run, way }, "the helper has finished");
  else
    log.error(
      { container, run, way, because },
      outcome.kind === "undone" ? "old container runs as before" : "helper is stuck and tries again",
    );
}

/** Nothing that Ouroboros' own containers depend on is stopped for their update. */
const NO_IDS: ReadonlySet<string> = new Set();
const DONE: SagaOutcome = { kind: "done" };

type HelperContext = HostRecoveryContext & ServiceContext;

/** Resumes first what an earlier start of the helper left. */
async function replaceUpdater(
  helperContext: HelperContext,
  job: HelperJob,
  steps: readonly SwapStep[],
): Promise<SagaOutcome> {
  const recovered = await recoverHost(helperContext);
  const resumed = recovered.swaps.get(job.name);
  if (resumed !== undefined) return resumed.outcome;
  const inspect = await ifExists(helperContext.host.engine.docker.getContainer(job.name).inspect());
  if (inspect === undefined || inspect.Id !== job.old)
    return {
      kind: "undone",
      failed: "look",
      cause: new Expired(reasonOf(changedMeanwhile.replaced)),
    };
  await helperContext.lease.hold(helperContext);
  const swap = await buildHelperSwap(helperContext, job, inspect);
  return runSteps(steps, swap, createHelperTimer(helperContext, job));
}

/** `job.old` is the container that is to run again. */
async function rollBackUpdater(
  helperContext: HelperContext,
  job: HelperJob,
  steps: readonly SwapStep[],
): Promise<SagaOutcome> {
  const { engine } = helperContext.host;
  await helperContext.lease.hold(helperContext);
  const swapContainers = (await findSwapContainers(helperContext.host.engine)).find(
    ({ name, run }) => name === job.name && run === job.run,
  );
  if (swapContainers?.backup !== undefined && swapContainers.current !== undefined) {
    const swap = await rebuildSwap(
      { ...helperContext, ran: NO_IDS, snapshots: [] },
      { ...swapContainers, old: swapContainers.backup, next: swapContainers.current },
    );
    await lookForDependants.do(swap);
    const left = await undoSteps(steps, swap, createHelperTimer(helperContext, job));
    const [first] = left;
    return first === undefined ? DONE : { kind: "stuck", failed: first.step, cause: first.error, left };
  }
  await recoverHost(helperContext);
  await ignoreStatuses([NOT_MODIFIED], engine.docker.getContainer(job.old).start());
  return DONE;
}

const createHelperTimer = ({ clock, log, hardStop }: RecoveryContext, { name, run }: HelperJob): SwapTimer =>
  new SwapTimer({ clock, log: log.child({ container: name, run }), hardStop });

async function buildHelperSwap(
  helperContext: HelperContext,
  job: HelperJob,
  old: ContainerInspection,
): Promise<Swap> {
  const { engine } = helperContext.host;
  const known = { ...helperContext, ran: NO_IDS, snapshots: [] };
  const context = {
    ...makeRecoveredContext(known, job.run, new Map()),
    snapshotStore: { ...helperContext, isOptional: true as const },
    isOwn: true as const,
  };
  const oldImage = await engine.docker.getImage(old.Image).inspect();
  return makeSwap(context, {
    name: job.name,
    old,
    oldImage,
    newImage: await engine.docker.getImage(job.image).inspect(),
    reference: job.reference,
    verification: context.verificationFor(old, oldImage),
    beforeStop: { awaitTurn: () => expectRunning(engine, job) },
  });
}

/** @throws Expired if the owner stopped, renamed or removed the container meanwhile. */
async function expectRunning(engine: Engine, { old, name }: HelperJob): Promise<void> {
  const inspect = await ifExists(engine.docker.getContainer(old).inspect());
  if (inspect?.Name !== `/${name}` || !inspect.State.Running || inspect.State.Paused)
    throw new Expired(reasonOf(changedMeanwhile.taken));
}
