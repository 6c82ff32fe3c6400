// Groups the updates that belong together: those joined by depends_on, hard_depends_on, `container:` modes and links.
// Pure. The poller splits plans between groups; the updater carries them out group by group.
import { type ContainerFacts, collectDependants, hasNameOrId } from "./container-facts.ts";
import { reasonOf } from "../catalogue/entry.ts";
import { skipReasons } from "../catalogue/skip-reasons.ts";

export interface UpdateGroup {
  /**
   * The containers to update, in order: a container comes before those it stops (the update of a dependency takes the
   * place of its start) and before those that refer to it (they are recreated with it).
   */
  readonly updates: readonly ContainerFacts[];
  /** Containers to stop before the first update and to start after the last; some may be in `updates` too. */
  readonly dependencies: readonly ContainerFacts[];
}

export interface UpdateGrouping {
  readonly groups: readonly UpdateGroup[];
  readonly skipped: readonly { readonly container: ContainerFacts; readonly because: string }[];
}

/** `all` are the containers of the host, `wanted` those among them that are to be updated. */
export function groupUpdates(
  wanted: readonly ContainerFacts[],
  all: readonly ContainerFacts[],
): UpdateGrouping {
  const dependenciesOf = (facts: ContainerFacts): ContainerFacts[] => {
    const dependencies = [...facts.dependsOn, ...facts.hardDependsOn].flatMap((name) =>
      all.filter((other) => hasNameOrId(other, name)),
    );
    return unique(dependencies).filter((other) => other.id !== facts.id); // in the order of the labels
  };
  const cyclic = new Set(wanted.filter((facts) => isReachable(facts, facts, dependenciesOf)));
  const acyclic = wanted.filter((facts) => !cyclic.has(facts));
  const neighbours = (facts: ContainerFacts): ContainerFacts[] => [
    ...dependenciesOf(facts),
    ...all.filter((other) => facts.refersTo.some((name) => hasNameOrId(other, name))),
    ...collectDependants(facts, all), // updates that recreate the same container run one after the other
  ];
  return {
    groups: joinNeighbours(acyclic, neighbours).map((updates) => ({
      updates: sortByDependency(updates, dependenciesOf),
      dependencies: unique(updates.flatMap(dependenciesOf)),
    })),
    skipped: [...cyclic].map((container) => ({ container, because: reasonOf(skipReasons.cycle) })),
  };
}

/** Services have an order, and no dependencies that are stopped. */
export function groupServices(
  wanted: readonly ContainerFacts[],
  all: readonly ContainerFacts[],
): UpdateGrouping {
  const services = (facts: readonly ContainerFacts[]): ContainerFacts[] =>
    facts.filter(({ service }) => service !== undefined);
  const { groups, skipped } = groupUpdates(services(wanted), services(all));
  return { groups: groups.map(({ updates }) => ({ updates, dependencies: [] })), skipped };
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

/** Splits the containers into classes: two share a class if they are neighbours or have a neighbour in common. */
function joinNeighbours(
  wanted: readonly ContainerFacts[],
  neighbours: (facts: ContainerFacts) => ContainerFacts[],
): ContainerFacts[][] {
  let groups: { members: ContainerFacts[]; touches: Set<ContainerFacts> }[] = [];
  for (const facts of wanted) {
    const touches = new Set([facts, ...neighbours(facts)]);
    const joined = groups.filter((group) => [...group.touches].some((other) => touches.has(other)));
    groups = [
      ...groups.filter((group) => !joined.includes(group)),
      {
        members: [...joined.flatMap((group) => group.members), facts],
        touches: new Set([...joined.flatMap((group) => [...group.touches]), ...touches]),
      },
    ];
  }
  return groups.map(({ members }) => members);
}

function sortByDependency(
  updates: readonly ContainerFacts[],
  dependenciesOf: (facts: ContainerFacts) => ContainerFacts[],
): ContainerFacts[] {
  const order: ContainerFacts[] = [];
  const visiting = new Set<ContainerFacts>();
  const visit = (facts: ContainerFacts): void => {
    if (order.includes(facts)) return;
    visiting.add(facts);
    for (const other of updates) {
      const comesFirst =
        dependenciesOf(other).includes(facts) || facts.refersTo.some((name) => hasNameOrId(other, name));
      if (other !== facts && comesFirst && !visiting.has(other)) visit(other);
    }
    order.push(facts);
  };
  updates.forEach(visit);
  return order;
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];
