// What runs in the helper: it replaces the container of an updater, which cannot outlive that itself, or puts it back.
// It needs the Engine alone: a private NATS ends with the container that is replaced. Both updaters ask the gates,
// the old one before and the new one after, and keep the journal; their fence is that they wait for the helper.
import type { ContainerInspectInfo } from "dockerode";
import { NOT_MODIFIED, type Engine, ifExists, ignoreStatuses } from "../../shared/docker/engine.ts";
import { CannotStart, Expired, explain } from "../../shared/errors.ts";
import { type ServiceContext, type Service, openHost } from "../../shared/runtime/run-service.ts";
import { prepareSnapshots } from "./journal/snapshot-store.ts";
import { lookForDependants } from "./swap/recreate-dependants.ts";
import { HelperJob, disableHelperRestarts } from "./containers/helper-container.ts";
import type { ImageDocument } from "./create/inspect.ts";
import { createEngineLease } from "./lease/engine-lease.ts";
import { Semaphore } from "./semaphore.ts";
import { type RecoveryContext, rebuildSwap } from "./recover/interrupted-swap.ts";
import { type HostRecoveryContext, recoverHost } from "./recover/recover-host.ts";
import { findSwapContainers } from "./swap/swap-containers.ts";
import { type SagaOutcome, runSteps, undoSteps } from "./swap/saga.ts";
import type { Swap, SwapStep } from "./swap/swap.ts";
import { SwapTimer } from "./swap/swap-timer.ts";

/** Ends with 0, or 1 if the old container runs as before; what is neither is tried again by the next start of it. */
export const makeHelperService =
  (steps: readonly SwapStep[], order: string): Service =>
  async (context) => {
    const job = HelperJob.safeParse(JSON.parse(order));
    if (!job.success) throw new CannotStart("this command is for the helper that a self-update starts");
    const host = await openHost(context, 0);
    if (host === undefined) return 1;
    await prepareSnapshots(context.settings.DATA_DIR).catch(() => undefined); // it is the updaters' to complain
    using lease = await createEngineLease(context, host);
    const own = { lease, openRun: job.data.run };
    const it = { ...context, host, hardStop: context.signal, tagSemaphore: new Semaphore(1), ...own };
    const outcome = await (job.data.way === "forward" ? replaceUpdater : rollBackUpdater)(
      it,
      job.data,
      steps,
    );
    const { name, run, way } = job.data;
    if (outcome.kind === "done") context.log.info({ container: name, run, way }, "helper is done");
    else
      context.log.error(
        { container: name, run, way, because: `"${outcome.failed}" failed: ${explain(outcome.cause)}` },
        outcome.kind === "undone" ? "old container runs as before" : "helper is stuck and tries again",
      );
    if (outcome.kind === "stuck" || context.signal.aborted) return 1;
    await lease.release();
    await disableHelperRestarts(host.engine);
    return outcome.kind === "done" ? 0 : 1;
  };

/** Ouroboros' own containers depend on none that were stopped for them. */
const NO_IDS: ReadonlySet<string> = new Set();
const DONE: SagaOutcome = { kind: "done" };

type HelperContext = HostRecoveryContext & ServiceContext;

/** What an earlier start of the helper left is taken up first. */
async function replaceUpdater(
  it: HelperContext,
  job: HelperJob,
  steps: readonly SwapStep[],
): Promise<SagaOutcome> {
  const recovered = await recoverHost(it);
  const taken = recovered.swaps.get(job.name);
  if (taken !== undefined) return taken.outcome;
  const inspect = await ifExists(it.host.engine.docker.getContainer(job.name).inspect());
  if (inspect === undefined || inspect.Id !== job.old)
    return {
      kind: "undone",
      failed: "look",
      cause: new Expired("somebody replaced the container meanwhile"),
    };
  await it.lease.hold(it);
  const swap = await buildHelperSwap(it, job, inspect);
  return runSteps(steps, swap, createHelperTimer(it, job));
}

/** The container that is to run again. */
async function rollBackUpdater(
  it: HelperContext,
  job: HelperJob,
  steps: readonly SwapStep[],
): Promise<SagaOutcome> {
  const { engine } = it.host;
  await it.lease.hold(it);
  const parts = (await findSwapContainers(it.host.engine)).find(
    ({ name, run }) => name === job.name && run === job.run,
  );
  if (parts?.backup !== undefined && parts.current !== undefined) {
    const swap = await rebuildSwap(
      { ...it, ran: NO_IDS, snapshots: [] },
      { ...parts, old: parts.backup, next: parts.current },
    );
    await lookForDependants.do(swap);
    const left = await undoSteps(steps, swap, createHelperTimer(it, job));
    const [first] = left;
    return first === undefined ? DONE : { kind: "stuck", failed: first.step, cause: first.error, left };
  }
  await recoverHost(it);
  await ignoreStatuses([NOT_MODIFIED], engine.docker.getContainer(job.old).start());
  return DONE;
}

const createHelperTimer = ({ clock, log, hardStop }: RecoveryContext, { name, run }: HelperJob): SwapTimer =>
  new SwapTimer({ clock, log: log.child({ container: name, run }), hardStop });

async function buildHelperSwap(
  it: HelperContext,
  job: HelperJob,
  inspect: ContainerInspectInfo,
): Promise<Swap> {
  const { engine } = it.host;
  const { resumedSince: _none, ...swap } = await rebuildSwap(
    { ...it, ran: NO_IDS, snapshots: [] },
    {
      ...{ name: job.name, run: job.run, old: inspect, next: inspect },
      ...{ current: inspect, successor: undefined, backup: undefined },
    },
  );
  const newImage = (await engine.docker.getImage(job.image).inspect()) as unknown as ImageDocument;
  const beforeStop = (): Promise<void> => expectRunning(engine, job);
  return {
    ...swap,
    snapshotStore: { ...it, isOptional: true },
    isOwn: true,
    newImage,
    reference: job.reference,
    replaced: new Map(),
    successor: undefined,
    beforeStop,
  };
}

/** @throws Expired where its owner stopped, renamed or removed it meanwhile. */
async function expectRunning(engine: Engine, { old, name }: HelperJob): Promise<void> {
  const inspect = await ifExists(engine.docker.getContainer(old).inspect());
  if (inspect?.Name !== `/${name}` || !inspect.State.Running || inspect.State.Paused)
    throw new Expired("somebody stopped, renamed or removed it meanwhile");
}
