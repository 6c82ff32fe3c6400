// Runs a plan. A plan that fails as a whole is tried again, a few times, and then given up.
import { isEngineUnreachable } from "../../../shared/docker/engine.ts";
import { NatsAwayTooLong, Fenced, Permanent, Suspended } from "../../../shared/errors.ts";
import { type HostRecovery, recoverHost, settleUnresumed } from "../recover/recover-host.ts";
import type { Updater } from "../updater.ts";
import { runUntilCutOff } from "./nats-outage.ts";
import { MAX_TRIES, failPlan } from "./fail-plan.ts";
import { findRefusedRecreations } from "./hard-dependencies.ts";
import type { Plan } from "./plan-message.ts";
import { runPlan } from "./run-plan.ts";

/** @throws Suspended, Fenced, NatsAwayTooLong, and errors after which the caller tries again. */
export async function runPlanOrGiveUp(updater: Updater, plan: Plan, recovered: HostRecovery): Promise<void> {
  const { planFailures } = updater;
  try {
    await runUntilCutOff(updater, (connected) => runPlan(connected, plan, recovered));
    planFailures.delete(plan.run);
  } catch (error) {
    if (isNotThePlansFault(updater, error)) throw error;
    const failed = (planFailures.get(plan.run) ?? 0) + 1;
    planFailures.set(plan.run, failed);
    if (failed < MAX_TRIES) throw error;
    await giveUpPlan(updater, plan, error);
    planFailures.delete(plan.run);
  }
}

/** The service stops, another updater acts, or a server is away: that is not the plan's fault. */
const isNotThePlansFault = ({ bus }: Updater, error: unknown): boolean =>
  [Fenced, Suspended, NatsAwayTooLong, Permanent].some((kind) => error instanceof kind) ||
  bus.signal.aborted ||
  bus.nats.isClosed() ||
  isEngineUnreachable(error);

async function giveUpPlan(updater: Updater, plan: Plan, error: unknown): Promise<void> {
  const { bus, fence, hardStop, tagSemaphore } = updater;
  const recoveryOptions = {
    lease: bus.lease,
    openRun: plan.run,
    refused: await findRefusedRecreations(bus, plan.run),
  };
  const recoveryContext = { ...bus.context, host: bus.host, hardStop, tagSemaphore, ...recoveryOptions };
  await settleUnresumed(recoveryContext, await recoverHost(recoveryContext), undefined);
  try {
    await failPlan(updater, plan, error);
  } catch (failure) {
    if (isNotThePlansFault(updater, failure)) throw failure;
    await fence.end(); // a plan whose end cannot even be recorded must not block the host
    throw new Permanent(`run ${plan.run} could not be ended in order`, { cause: failure });
  }
}
