// Hard dependencies: recreated on their own image after the update of what depends on them, between two hooks.
import type { ContainerInspectInfo } from "dockerode";
import { describeContainer } from "../../../shared/describe.ts";
import { ifThere } from "../../../shared/engine.ts";
import { Fenced, Suspended, explain } from "../../../shared/errors.ts";
import type { Decided } from "../../../shared/run-records.ts";
import { eventId } from "../../../shared/subjects.ts";
import type { Bus } from "../bus.ts";
import { Journal } from "../journal/journal.ts";
import { swapOnOwnImage } from "../swap/dependants.ts";
import {
  commit,
  dropSnapshots,
  giveWay,
  letDependantsRun,
  recreate,
  recreateDependants,
} from "../swap/recreate.ts";
import type { ContainerDocument } from "../create/inspect.ts";
import { type HardHooks, NONE_ALONG, type Swap, create, stop } from "../swap/swap.ts";
import { yieldAfterStart } from "../swap/yield.ts";
import { keepingOf } from "./keeping.ts";
import { AT_MOST_WHILE_STOPPED, type Run } from "../updater.ts";

/** For those that refer to the replaced container: they are recreated with it, whatever the verdicts say. */
export function hardHooksOf(run: Run, hard: readonly string[]): HardHooks {
  return {
    isHard: (id) => hard.includes(id),
    before: async (old) => warn(run, old, await askBefore(run, asInspect(old))),
    after: async (old, successor) => warn(run, old, await askAfter(run, asInspect(old), successor)),
  };
}

function warn(run: Run, old: ContainerDocument, decided: Decided): void {
  if (decided.verdict === "proceed") return;
  const container = old.Name.slice(1);
  run.log.warn(
    { container, hook: decided.hook, because: decided.reason },
    "it refers to the replaced container, so it is recreated all the same",
  );
}

/** By an earlier process of the run, which has heard what is said of it. */
export const isRecreated = (run: Run, name: string): boolean =>
  run.journal.decided(eventId(run.journal.run, "after_recreate_hard_depends_container", name)) !== undefined;

/** Hard dependencies of the run whose recreation was refused, as an earlier process recorded it. */
export async function refusedIn(bus: Bus, run: string | undefined): Promise<ReadonlySet<string>> {
  if (run === undefined) return new Set();
  const refusals = (await Journal.open(bus, run))
    .of("decided")
    .filter(({ hook, verdict }) => hook === "after_recreate_hard_depends_container" && verdict !== "proceed");
  return new Set(refusals.flatMap(({ container }) => container ?? []));
}

/** One that does not refer to it. A refusal leaves it, or puts it back, as it was; it is started by the caller. */
export async function recreateHardDependency(
  run: Run,
  it: { readonly id: string; readonly name: string },
): Promise<void> {
  const inspect = await ifThere(run.bus.host.engine.docker.getContainer(it.id).inspect());
  if (inspect === undefined) return;
  const before = await askBefore(run, inspect);
  if (before.verdict !== "proceed") return;
  await run.bus.lease.hold(run.bus);
  const swap = await swapOnOwnImage(transactionOf(run), inspect);
  try {
    await letDependantsRun.do(swap);
    await recreate(swap);
    await recreateDependants.do(swap);
    const after = await askAfter(run, inspect, swap.successor ?? it.name);
    if (after.verdict !== "proceed") await putBack(swap);
    else if (!(await yieldAfterStart(swap, swap.old.Id))) await commit(swap);
  } catch (error) {
    if (error instanceof Suspended || error instanceof Fenced) throw error;
    run.log.error(
      { container: it.name, because: explain(error) },
      "hard dependency could not be recreated; its previous container is kept",
    );
    await putBack(swap);
  }
}

/** The successor goes last: it tells a later process that this was begun. */
async function putBack(swap: Swap): Promise<void> {
  await recreateDependants.undo?.(swap);
  await giveWay(swap);
  await stop.undo?.(swap);
  await letDependantsRun.undo?.(swap);
  await create.undo?.(swap);
  await dropSnapshots(swap);
}

const unproved = ({ hardStop }: Run) => ({ healthTimeout: undefined, settleTime: 0, hardStop });

const transactionOf = (run: Run): Omit<Swap, "old" | "oldImage" | "newImage" | "name"> => ({
  engine: run.bus.host.engine,
  clock: run.bus.clock,
  run: run.journal.run,
  proof: unproved(run),
  proofFor: () => unproved(run),
  along: NONE_ALONG,
  replaced: run.replaced,
  making: run.making,
  ...keepingOf(run),
  references: run.references,
  ran: run.ran,
  beforeStop: () => Promise.resolve(),
  successor: undefined,
  dependants: [],
});

export const askBefore = (run: Run, inspect: ContainerInspectInfo): Promise<Decided> =>
  run.gate.ask({
    hook: "before_recreate_hard_depends_container",
    container: inspect.Name.slice(1),
    locals: { old_container: describeContainer(inspect) },
    reason: "a container that hard-depends on it was updated",
    atMost: AT_MOST_WHILE_STOPPED,
  });

async function askAfter(run: Run, old: ContainerInspectInfo, successor: string): Promise<Decided> {
  const now = await run.bus.host.engine.docker.getContainer(successor).inspect();
  const name = old.Name.slice(1);
  return run.gate.ask({
    hook: "after_recreate_hard_depends_container",
    container: name,
    locals: { old_container: describeContainer(old, name), new_container: describeContainer(now, name) },
    reason: "it was recreated",
    atMost: AT_MOST_WHILE_STOPPED,
  });
}

const asInspect = (document: ContainerDocument): ContainerInspectInfo =>
  document as unknown as ContainerInspectInfo;
