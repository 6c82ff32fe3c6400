// Runs tasks side by side; the failure of one does not cut the others short.
import { Fenced, Suspended, explain } from "../../shared/errors.ts";

/** Waits for all tasks, then throws the failure that matters most: Fenced first, Suspended last. */
export async function settleAll(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const results = await Promise.allSettled(tasks.map((task) => task()));
  const reasons = results
    .filter((result) => result.status === "rejected")
    .map(({ reason }): unknown => reason);
  const worst =
    reasons.find((reason) => reason instanceof Fenced) ??
    reasons.find((reason) => !(reason instanceof Suspended)) ??
    reasons[0];
  if (worst !== undefined) throw worst instanceof Error ? worst : new Error(explain(worst));
}
