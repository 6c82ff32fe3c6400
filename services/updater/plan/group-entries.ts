// Sorts the entries of a run into groups, and finds what each group stops.
import { collectDependants, hasNameOrId, isUp } from "../../../shared/containers/container-facts.ts";
import { type UpdateGroup, groupUpdates } from "../../../shared/containers/update-groups.ts";
import { finishContainer } from "./finish-container.ts";
import type { GroupWork } from "./run-group.ts";
import type { UpdateEntry, Run, InspectedContainer } from "../updater.ts";

export interface GroupedEntries {
  readonly groups: readonly UpdateGroup[];
  readonly entries: readonly UpdateEntry[];
}

/** Entries in a cycle are ended as `failed`. */
export async function groupEntries(
  run: Run,
  entries: readonly UpdateEntry[],
  seen: readonly InspectedContainer[],
): Promise<GroupedEntries> {
  const all = seen.map(({ facts }) => facts);
  const { groups, skipped } = groupUpdates(
    entries.map(({ facts }) => facts),
    all,
  );
  for (const { container, because } of skipped)
    await finishContainer(run, findEntry(entries, container.id), { end: "failed", because, by: "updater" });
  return { groups, entries };
}

/** Those of `candidates` that stop no other container, that none of `all` stops, and to which nothing refers. */
export function findIndependent(
  candidates: readonly UpdateEntry[],
  all: readonly UpdateEntry[],
  seen: readonly InspectedContainer[],
): UpdateEntry[] {
  const known = seen.map(({ facts }) => facts);
  const { groups } = groupUpdates(
    all.map(({ facts }) => facts),
    known,
  );
  return candidates.filter(({ facts }) =>
    groups.some(
      ({ updates: [first, ...more], dependencies }) =>
        first?.id === facts.id &&
        more.length + dependencies.length + collectDependants(facts, known).length === 0,
    ),
  );
}

/** A failed pull drops the stops that only its entry needed. Only what runs is stopped, and so started again. */
export function findNeededDependencies(
  ready: readonly UpdateEntry[],
  dependencies: UpdateGroup["dependencies"],
): Pick<GroupWork, "dependencies" | "hard"> {
  const running = dependencies.filter(isUp);
  const hard = running.filter((facts) =>
    ready.some((entry) => entry.facts.hardDependsOn.some((name) => hasNameOrId(facts, name))),
  );
  const soft = running.filter((facts) =>
    ready.some((entry) => entry.facts.dependsOn.some((name) => hasNameOrId(facts, name))),
  );
  return {
    dependencies: running.filter((facts) => hard.includes(facts) || soft.includes(facts)),
    hard: hard.map(({ id }) => id),
  };
}

export const findEntry = (entries: readonly UpdateEntry[], id: string): UpdateEntry => {
  const entry = entries.find(({ facts }) => facts.id === id);
  if (entry === undefined) throw new Error(`no entry for container ${id}`);
  return entry;
};
