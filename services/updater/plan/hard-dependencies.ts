// Hard dependencies: recreated on their own image, between two hooks, after the update of the container that depends
// on them.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import { describeContainer } from "../../../shared/containers/payloads-from-engine.ts";
import { ifExists } from "../../../shared/docker/engine.ts";
import { Fenced, Suspended, explain } from "../../../shared/errors.ts";
import type { DecisionRecord } from "../../../shared/contract/run-records.ts";
import { eventId } from "../../../shared/contract/subjects.ts";
import type { Bus } from "../bus.ts";
import { Journal } from "../journal/journal.ts";
import { lookForDependants } from "../swap/start-dependants.ts";
import { commitSwap, dropSwapSnapshots } from "../swap/commit-swap.ts";
import { makeOwnImageSwap } from "../swap/swap-dependants.ts";
import { recreateContainer, recreateDependants } from "../swap/recreate-dependants.ts";
import { undoSteps } from "../swap/saga.ts";
import { swapSteps } from "../swap/swap-steps.ts";
import { SwapTimer } from "../swap/swap-timer.ts";
import type { HardDependencyHooks, Swap, SwapContext } from "../swap/swap-state.ts";
import { yieldAfterStart } from "../swap/yield-to-owner.ts";
import { makeSwapContext, timerOptionsOf } from "./swap-resources.ts";
import { MAX_WAIT_WHILE_STOPPED_MS, type Run } from "../updater.ts";

/**
 * For hard dependencies that refer to the replaced container: they are recreated with it, whatever the verdicts are.
 */
export function makeHardDependencyHooks(run: Run, hard: readonly string[]): HardDependencyHooks {
  return {
    isHard: (id) => hard.includes(id),
    before: async (old) => warnIfRefused(run, old, await askBeforeRecreation(run, old)),
    after: async (old, successor) => warnIfRefused(run, old, await askAfterRecreation(run, old, successor)),
  };
}

function warnIfRefused(run: Run, old: ContainerInspection, decided: DecisionRecord): void {
  if (decided.verdict === "proceed") return;
  const container = old.Name.slice(1);
  run.log.warn(
    { container, hook: decided.hook, because: decided.reason },
    "it refers to the replaced container, so it is recreated all the same",
  );
}

/** Whether an earlier process of the run recreated it and recorded the decision about that. */
export const isRecreated = (run: Run, name: string): boolean =>
  run.journal.findDecision(eventId(run.journal.run, "after_recreate_hard_depends_container", name)) !==
  undefined;

/** Hard dependencies of the run whose recreation was refused, as an earlier process recorded it. */
export async function findRefusedRecreations(
  bus: Bus,
  run: string | undefined,
): Promise<ReadonlySet<string>> {
  if (run === undefined) return new Set();
  const refusals = (await Journal.open(bus, run))
    .recordsOf("decided")
    .filter(({ hook, verdict }) => hook === "after_recreate_hard_depends_container" && verdict !== "proceed");
  return new Set(refusals.flatMap(({ container }) => container ?? []));
}

/**
 * For a hard dependency that does not refer to the updated container. If a hook refuses, the dependency stays as it
 * was or is put back. The caller starts it.
 */
export async function recreateHardDependency(
  run: Run,
  dependency: { readonly id: string; readonly name: string },
): Promise<void> {
  const inspect = await ifExists(run.bus.host.engine.docker.getContainer(dependency.id).inspect());
  if (inspect === undefined) return;
  const before = await askBeforeRecreation(run, inspect);
  if (before.verdict !== "proceed") return;
  await run.bus.lease.hold(run.bus);
  const swap = await makeOwnImageSwap(makeUnverifiedContext(run), inspect);
  try {
    await lookForDependants.do(swap);
    await recreateContainer(swap);
    await recreateDependants.do(swap);
    const after = await askAfterRecreation(run, inspect, swap.successor ?? dependency.name);
    if (after.verdict !== "proceed") await rollBackRecreation(run, swap);
    else if (!(await yieldAfterStart(swap, swap.old.Id)))
      await commitSwap(swap, timerOptionsOf(run, swap.name));
  } catch (error) {
    if (error instanceof Suspended || error instanceof Fenced) throw error;
    run.log.error(
      { container: dependency.name, because: explain(error) },
      "hard dependency could not be recreated; its previous container is kept",
    );
    await rollBackRecreation(run, swap);
  }
}

/** The successor is removed last: its presence tells a later process that the recreation was begun. */
async function rollBackRecreation(run: Run, swap: Swap): Promise<void> {
  const [first] = await undoSteps(swapSteps, swap, new SwapTimer(timerOptionsOf(run, swap.name)));
  if (first !== undefined) throw first.error;
  await dropSwapSnapshots(swap);
}

const withoutVerification = ({ hardStop }: Run) => ({ healthTimeout: undefined, settleTime: 0, hardStop });

const makeUnverifiedContext = (run: Run): SwapContext => ({
  ...makeSwapContext(run),
  verificationFor: () => withoutVerification(run),
});

export const askBeforeRecreation = (run: Run, inspect: ContainerInspection): Promise<DecisionRecord> =>
  run.gate.ask({
    hook: "before_recreate_hard_depends_container",
    container: inspect.Name.slice(1),
    locals: { old_container: describeContainer(inspect) },
    reason: "a container that hard-depends on it was updated",
    atMost: MAX_WAIT_WHILE_STOPPED_MS,
  });

async function askAfterRecreation(
  run: Run,
  old: ContainerInspection,
  successor: string,
): Promise<DecisionRecord> {
  const recreated = await run.bus.host.engine.docker.getContainer(successor).inspect();
  const name = old.Name.slice(1);
  return run.gate.ask({
    hook: "after_recreate_hard_depends_container",
    container: name,
    locals: {
      old_container: describeContainer(old, name),
      new_container: describeContainer(recreated, name),
    },
    reason: "it was recreated",
    atMost: MAX_WAIT_WHILE_STOPPED_MS,
  });
}
