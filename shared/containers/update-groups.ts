// Which updates belong together: a group is what depends_on, hard_depends_on, `container:` modes and links join.
// Pure; the poller cuts plans between groups, the updater runs them group by group.
import { type ContainerFacts, collectDependants, hasNameOrId } from "./container-facts.ts";

export interface UpdateGroup {
  /**
   * To be updated: a container before those it stops (a dependency's update takes the place of its start), and before
   * those that refer to it (they are recreated with it).
   */
  readonly updates: readonly ContainerFacts[];
  /** Stopped before the first update and started after the last; those in `updates` are among them too. */
  readonly dependencies: readonly ContainerFacts[];
}

export interface UpdateGrouping {
  readonly groups: readonly UpdateGroup[];
  readonly skipped: readonly { readonly container: ContainerFacts; readonly because: string }[];
}

/** `all` are the containers of the host, `wanted` those of them that are to be updated. */
export function groupUpdates(
  wanted: readonly ContainerFacts[],
  all: readonly ContainerFacts[],
): UpdateGrouping {
  const dependenciesOf = (facts: ContainerFacts): ContainerFacts[] => {
    const named = [...facts.dependsOn, ...facts.hardDependsOn].flatMap((name) =>
      all.filter((other) => hasNameOrId(other, name)),
    );
    return unique(named).filter((other) => other.id !== facts.id); // in the order of the labels
  };
  const cyclic = new Set(wanted.filter((facts) => isReachable(facts, facts, dependenciesOf)));
  const sane = wanted.filter((facts) => !cyclic.has(facts));
  const neighbours = (facts: ContainerFacts): ContainerFacts[] => [
    ...dependenciesOf(facts),
    ...all.filter((other) => facts.refersTo.some((name) => hasNameOrId(other, name))),
    ...collectDependants(facts, all), // two updates that recreate the same container go one after the other
  ];
  return {
    groups: joinNeighbours(sane, neighbours).map((updates) => ({
      updates: sortByDependency(updates, dependenciesOf),
      dependencies: unique(updates.flatMap(dependenciesOf)),
    })),
    skipped: [...cyclic].map((container) => ({ container, because: "its dependencies form a cycle" })),
  };
}

function isReachable(
  from: ContainerFacts,
  target: ContainerFacts,
  next: (facts: ContainerFacts) => ContainerFacts[],
): boolean {
  const seen = new Set<ContainerFacts>();
  const open = next(from);
  for (let facts = open.pop(); facts !== undefined; facts = open.pop()) {
    if (facts === target) return true;
    if (seen.has(facts)) continue;
    seen.add(facts);
    open.push(...next(facts));
  }
  return false;
}

/** Wanted containers in classes: two are in one class if they are, or have, a neighbour in common. */
function joinNeighbours(
  wanted: readonly ContainerFacts[],
  neighbours: (facts: ContainerFacts) => ContainerFacts[],
): ContainerFacts[][] {
  let classes: { members: ContainerFacts[]; touches: Set<ContainerFacts> }[] = [];
  for (const facts of wanted) {
    const touches = new Set([facts, ...neighbours(facts)]);
    const meeting = classes.filter((one) => [...one.touches].some((other) => touches.has(other)));
    classes = [
      ...classes.filter((one) => !meeting.includes(one)),
      {
        members: [...meeting.flatMap((one) => one.members), facts],
        touches: new Set([...meeting.flatMap((one) => [...one.touches]), ...touches]),
      },
    ];
  }
  return classes.map(({ members }) => members);
}

function sortByDependency(
  updates: readonly ContainerFacts[],
  dependenciesOf: (facts: ContainerFacts) => ContainerFacts[],
): ContainerFacts[] {
  const order: ContainerFacts[] = [];
  const placing = new Set<ContainerFacts>();
  const place = (facts: ContainerFacts): void => {
    if (order.includes(facts)) return;
    placing.add(facts);
    for (const other of updates) {
      const first =
        dependenciesOf(other).includes(facts) || facts.refersTo.some((name) => hasNameOrId(other, name));
      if (other !== facts && first && !placing.has(other)) place(other);
    }
    order.push(facts);
  };
  updates.forEach(place);
  return order;
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];
