// Work side by side, where one failure must not cut the rest short.
import { Fenced, Suspended, explain } from "../../shared/errors.ts";

/** All go on to their end; then the failure that matters most is thrown. */
export async function settleAll(work: readonly (() => Promise<void>)[]): Promise<void> {
  const results = await Promise.allSettled(work.map((one) => one()));
  const reasons = results
    .filter((result) => result.status === "rejected")
    .map(({ reason }): unknown => reason);
  const worst =
    reasons.find((reason) => reason instanceof Fenced) ??
    reasons.find((reason) => !(reason instanceof Suspended)) ??
    reasons[0];
  if (worst !== undefined) throw worst instanceof Error ? worst : new Error(explain(worst));
}
