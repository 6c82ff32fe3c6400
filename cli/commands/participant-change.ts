// Applies the options of `ouroboros participant set` to an entry, and merges the filters of its consumer. Pure.
import { WrongUsage } from "../../shared/errors.ts";
import { usageErrors } from "../../shared/catalogue/usage-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { approvalHooks, countsApprovals } from "../../shared/contract/approvals.ts";
import type { Participant } from "../../shared/contract/participants.ts";
import { formatDurationArgument } from "../../shared/runtime/time-text.ts";

/** The changes: undefined leaves a field as it is, null removes it. */
export interface ParticipantChange {
  readonly hooks?: Participant["hooks"] | undefined;
  readonly hosts?: readonly string[] | undefined;
  readonly timeout?: number | undefined;
  readonly max?: number | undefined;
  readonly "on-timeout"?: Participant["on_timeout"] | undefined;
  readonly containers?: readonly string[] | null | undefined;
  readonly labels?: readonly string[] | null | undefined;
  readonly advisory?: boolean | undefined;
  readonly group?: string | null | undefined;
  readonly needs?: number | null | undefined;
  readonly hears?: Participant["hears"] | null;
  readonly "by-digest"?: boolean | undefined;
}

export function applyChange(before: Participant, change: ParticipantChange): Participant {
  const { hooks, hosts, timeout, max, containers, labels, advisory, group, needs, hears } = change;
  const after = {
    ...before,
    ...(hooks !== undefined && { hooks }),
    ...(hosts !== undefined && { hosts: [...hosts] }),
    ...(timeout !== undefined && { timeout_ms: timeout }),
    ...(max !== undefined && { max_ms: max }),
    ...(change["on-timeout"] !== undefined && { on_timeout: change["on-timeout"] }),
  };
  const parts = {
    containers,
    labels,
    advisory: advisory === false ? null : advisory,
    group,
    needs: group === null ? null : needs,
    hears,
    by_digest: change["by-digest"] === false ? null : change["by-digest"],
  };
  for (const [part, value] of Object.entries(parts)) {
    if (value === null) Reflect.deleteProperty(after, part);
    else if (value !== undefined) Object.assign(after, { [part]: value });
  }
  return after;
}

/** @throws WrongUsage where fields of the entry contradict each other. */
export function expectCoherent(entry: Participant): void {
  const { timeout_ms: timeout, max_ms: max, group, needs, advisory, by_digest, hooks } = entry;
  if (max < timeout)
    throw new WrongUsage(
      messageOf(usageErrors.maxBelowTimeout, {
        max: formatDurationArgument(max),
        timeout: formatDurationArgument(timeout),
      }),
    );
  if (group === undefined && needs !== undefined)
    throw new WrongUsage(messageOf(usageErrors.needsWithoutGroup));
  if (group !== undefined && advisory === true) throw new WrongUsage(messageOf(usageErrors.advisoryInGroup));
  if (by_digest !== true) return;
  const others = hooks.filter((hook) => !countsApprovals(hook));
  if (others.length > 0)
    throw new WrongUsage(
      messageOf(usageErrors.byDigestHooks, { hooks: others.join(", "), allowed: approvalHooks.join(", ") }),
    );
  if (advisory === true) throw new WrongUsage(messageOf(usageErrors.byDigestAdvisory));
}

/** Merges both lists, without filters that another filter includes: the filters of a consumer must not overlap. */
export function mergeFilters(current: readonly string[], wanted: readonly string[]): string[] {
  const all = [...new Set([...current, ...wanted])];
  return all.filter((filter) => !all.some((other) => other !== filter && filterIncludes(other, filter)));
}

/** Whether the wide filter matches every subject of the narrow one. */
function filterIncludes(wide: string, narrow: string): boolean {
  const [wideTokens, narrowTokens] = [wide.split("."), narrow.split(".")];
  for (const [index, token] of wideTokens.entries()) {
    const other = narrowTokens[index];
    if (token === ">") return index < narrowTokens.length;
    if (other === undefined || other === ">" || (token !== "*" && token !== other)) return false;
  }
  return wideTokens.length === narrowTokens.length;
}
