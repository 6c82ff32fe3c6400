// A plan, and what becomes of one that fails as a whole: it is tried again, a few times, and then given up.
import { isAway } from "../../../shared/engine.ts";
import { CutOff, Fenced, Permanent, Suspended } from "../../../shared/errors.ts";
import { type RecoveredHost, recoverHost, settleAlone } from "../recover/recover.ts";
import type { Updater } from "../updater.ts";
import { untilCutOff } from "./cut-off.ts";
import { MOST_TRIES, giveUp } from "./give-up.ts";
import { refusedIn } from "./hard.ts";
import type { Plan } from "./plan-message.ts";
import { runPlan } from "./run-plan.ts";

/** @throws Suspended, Fenced, CutOff, and what the caller tries again. */
export async function carryOut(updater: Updater, plan: Plan, recovered: RecoveredHost): Promise<void> {
  const { tries } = updater;
  try {
    await untilCutOff(updater, (connected) => runPlan(connected, plan, recovered));
    tries.delete(plan.run);
  } catch (error) {
    if (isExpected(updater, error)) throw error;
    const failed = (tries.get(plan.run) ?? 0) + 1;
    tries.set(plan.run, failed);
    if (failed < MOST_TRIES) throw error;
    await endIt(updater, plan, error);
    tries.delete(plan.run);
  }
}

/** It stops, another acts, or something is away: that is no matter of the plan. */
const isExpected = ({ bus }: Updater, error: unknown): boolean =>
  [Fenced, Suspended, CutOff, Permanent].some((kind) => error instanceof kind) ||
  bus.signal.aborted ||
  bus.nats.isClosed() ||
  isAway(error);

async function endIt(updater: Updater, plan: Plan, error: unknown): Promise<void> {
  const { bus, fence, hardStop, making } = updater;
  const own = { lease: bus.lease, openRun: plan.run, refused: await refusedIn(bus, plan.run) };
  const it = { ...bus.context, host: bus.host, hardStop, making, ...own };
  await settleAlone(it, await recoverHost(it), undefined);
  try {
    await giveUp(updater, plan, error);
  } catch (failure) {
    if (isExpected(updater, failure)) throw failure;
    await fence.end(); // what cannot even be told must not hold up the host
    throw new Permanent(`run ${plan.run} could not be ended in order`, { cause: failure });
  }
}
