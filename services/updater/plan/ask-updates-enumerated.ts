// Asks updates_enumerated: the only hook about a whole run, where a verdict may also name single containers.
import { lookUp } from "../../../shared/look-up.ts";
import type { Run, UpdateEntry } from "../updater.ts";
import { finishContainer, resultOfVerdict } from "./finish-container.ts";
import type { Plan } from "./plan-message.ts";

/** The entries that may be updated; the others are ended here. */
export async function askUpdatesEnumerated(
  run: Run,
  plan: Plan,
  entries: readonly UpdateEntry[],
): Promise<UpdateEntry[]> {
  const decided = await run.gate.ask({
    hook: "updates_enumerated",
    container: null,
    locals: plan.locals,
    reason: plan.reason,
    published: { at: plan.publishedAt, text: plan.text },
  });
  if (run.mode !== "update") return [...entries];
  const allowed: UpdateEntry[] = [];
  for (const entry of entries) {
    const containerVerdict = lookUp(decided.containers, entry.facts.name);
    const verdict = decided.verdict === "proceed" ? containerVerdict : decided;
    if (verdict === undefined || verdict.verdict === "proceed") allowed.push(entry);
    else await finishContainer(run, entry, resultOfVerdict({ ...decided, ...verdict }, "updates_enumerated"));
  }
  return allowed;
}
