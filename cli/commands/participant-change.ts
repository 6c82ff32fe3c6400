// What `ouroboros participant set` makes of an entry and of what its consumer hears. Pure.
import { WrongUsage } from "../../shared/errors.ts";
import type { Participant } from "../../shared/contract/participants.ts";
import { formatDurationArgument } from "../../shared/runtime/time-text.ts";

/** What is to be changed; undefined stays as it is, null is taken away. */
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
}

export function applyChange(before: Participant, change: ParticipantChange): Participant {
  const { hooks, hosts, timeout, max, containers, labels, advisory, group, needs } = change;
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
  };
  for (const [part, value] of Object.entries(parts)) {
    if (value === null) Reflect.deleteProperty(after, part);
    else if (value !== undefined) Object.assign(after, { [part]: value });
  }
  return after;
}

/** `hint` follows where the times do not go together. @throws WrongUsage where the parts of an entry do not go together. */
export function expectCoherent(entry: Participant, hint = ""): void {
  const { timeout_ms: timeout, max_ms: max, group, needs, advisory } = entry;
  if (max < timeout)
    throw new WrongUsage(
      `--max ${formatDurationArgument(max)} must not be less than --timeout ${formatDurationArgument(timeout)}${hint}`,
    );
  if (group === undefined && needs !== undefined) throw new WrongUsage("--needs takes a --group");
  if (group !== undefined && advisory === true)
    throw new WrongUsage("--advisory: who has no say cannot be counted in a --group");
}

/** Both, without those that another one includes: the filters of a consumer may not overlap. */
export function mergeFilters(heard: readonly string[], wanted: readonly string[]): string[] {
  const all = [...new Set([...heard, ...wanted])];
  return all.filter((one) => !all.some((other) => other !== one && filterIncludes(other, one)));
}

/** Whether each subject of the second filter is one of the first. */
function filterIncludes(wide: string, narrow: string): boolean {
  const [from, to] = [wide.split("."), narrow.split(".")];
  for (const [at, word] of from.entries()) {
    if (word === ">") return at < to.length;
    if (to[at] === undefined || to[at] === ">" || (word !== "*" && word !== to[at])) return false;
  }
  return from.length === to.length;
}
