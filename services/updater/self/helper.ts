// What runs in the helper: it replaces the container of an updater, which cannot outlive that itself, or puts it back.
// It needs the Engine alone: a private NATS ends with the container that is replaced. Both updaters ask the gates,
// the old one before and the new one after, and keep the journal; their fence is that they wait for the helper.
import type { ContainerInspectInfo } from "dockerode";
import { ALREADY_SO, type Engine, ifThere, tolerating } from "../../../shared/engine.ts";
import { CannotStart, Expired, explain } from "../../../shared/errors.ts";
import { type Context, type Service, openHost } from "../../../shared/run-service.ts";
import { prepareSnapshots } from "../journal/snapshots.ts";
import { letDependantsRun } from "../swap/recreate.ts";
import { HelperJob, noMoreRestarts } from "./helper-container.ts";
import type { ImageDocument } from "../create/inspect.ts";
import { leaseOn } from "../lease/engine-lease.ts";
import { Semaphore } from "../swap/places.ts";
import { type Recovering, swapFrom } from "../recover/begun.ts";
import { type RecoveringHost, recoverHost } from "../recover/recover.ts";
import { findParts } from "../swap/swap-parts.ts";
import { type SagaOutcome, runSteps, undoSteps } from "../swap/saga.ts";
import type { Swap, SwapStep } from "../swap/swap.ts";
import { Timed } from "../swap/timed.ts";

/** Ends with 0, or 1 if the old container runs as before; what is neither is tried again by the next start of it. */
export const helperWith =
  (steps: readonly SwapStep[], order: string): Service =>
  async (context) => {
    const job = HelperJob.safeParse(JSON.parse(order));
    if (!job.success) throw new CannotStart("this command is for the helper that a self-update starts");
    const host = await openHost(context, 0);
    if (host === undefined) return 1;
    await prepareSnapshots(context.settings.DATA_DIR).catch(() => undefined); // it is the updaters' to complain
    using lease = await leaseOn(context, host);
    const own = { lease, openRun: job.data.run };
    const it = { ...context, host, hardStop: context.signal, making: new Semaphore(1), ...own };
    const outcome = await (job.data.way === "forward" ? forward : back)(it, job.data, steps);
    const { name, run, way } = job.data;
    if (outcome.kind === "done") context.log.info({ container: name, run, way }, "helper is done");
    else
      context.log.error(
        { container: name, run, way, because: `"${outcome.failed}" failed: ${explain(outcome.cause)}` },
        outcome.kind === "undone" ? "old container runs as before" : "helper is stuck and tries again",
      );
    if (outcome.kind === "stuck" || context.signal.aborted) return 1;
    await lease.release();
    await noMoreRestarts(host.engine);
    return outcome.kind === "done" ? 0 : 1;
  };

/** Ouroboros' own containers depend on none that were stopped for them. */
const NONE: ReadonlySet<string> = new Set();
const DONE: SagaOutcome = { kind: "done" };

type Helping = RecoveringHost & Context;

/** What an earlier start of the helper left is taken up first. */
async function forward(it: Helping, job: HelperJob, steps: readonly SwapStep[]): Promise<SagaOutcome> {
  const recovered = await recoverHost(it);
  const taken = recovered.swaps.get(job.name);
  if (taken !== undefined) return taken.outcome;
  const inspect = await ifThere(it.host.engine.docker.getContainer(job.name).inspect());
  if (inspect === undefined || inspect.Id !== job.old)
    return {
      kind: "undone",
      failed: "look",
      cause: new Expired("somebody replaced the container meanwhile"),
    };
  await it.lease.hold(it);
  const swap = await swapOf(it, job, inspect);
  return runSteps(steps, swap, watching(it, job));
}

/** The container that is to run again. */
async function back(it: Helping, job: HelperJob, steps: readonly SwapStep[]): Promise<SagaOutcome> {
  const { engine } = it.host;
  await it.lease.hold(it);
  const parts = (await findParts(it.host.engine)).find(
    ({ name, run }) => name === job.name && run === job.run,
  );
  if (parts?.backup !== undefined && parts.current !== undefined) {
    const swap = await swapFrom(
      { ...it, ran: NONE, snapshots: [] },
      { ...parts, old: parts.backup, next: parts.current },
    );
    await letDependantsRun.do(swap);
    const left = await undoSteps(steps, swap, watching(it, job));
    const [first] = left;
    return first === undefined ? DONE : { kind: "stuck", failed: first.step, cause: first.error, left };
  }
  await recoverHost(it);
  await tolerating([ALREADY_SO], engine.docker.getContainer(job.old).start());
  return DONE;
}

const watching = ({ clock, log, hardStop }: Recovering, { name, run }: HelperJob): Timed =>
  new Timed({ clock, log: log.child({ container: name, run }), hardStop });

async function swapOf(it: Helping, job: HelperJob, inspect: ContainerInspectInfo): Promise<Swap> {
  const { engine } = it.host;
  const { resumedSince: _none, ...swap } = await swapFrom(
    { ...it, ran: NONE, snapshots: [] },
    {
      ...{ name: job.name, run: job.run, old: inspect, next: inspect },
      ...{ current: inspect, successor: undefined, backup: undefined },
    },
  );
  const newImage = (await engine.docker.getImage(job.image).inspect()) as unknown as ImageDocument;
  const beforeStop = (): Promise<void> => expectRunning(engine, job);
  return {
    ...swap,
    shelf: { ...it, isOptional: true },
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
  const inspect = await ifThere(engine.docker.getContainer(old).inspect());
  if (inspect?.Name !== `/${name}` || !inspect.State.Running || inspect.State.Paused)
    throw new Expired("somebody stopped, renamed or removed it meanwhile");
}
