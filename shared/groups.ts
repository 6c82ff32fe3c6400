// Which updates belong together: a group is what depends_on, hard_depends_on, `container:` modes and links join.
// Pure; the poller cuts plans between groups, the updater runs them group by group.
import { type Facts, dependantsOf, isMeant } from "./container-facts.ts";

export interface Group {
  /**
   * To be updated: a container before those it stops (a dependency's update takes the place of its start), and before
   * those that refer to it (they are recreated with it).
   */
  readonly updates: readonly Facts[];
  /** Stopped before the first update and started after the last; those in `updates` are among them too. */
  readonly dependencies: readonly Facts[];
}

export interface Grouping {
  readonly groups: readonly Group[];
  readonly left: readonly { readonly container: Facts; readonly because: string }[];
}

/** `all` are the containers of the host, `wanted` those of them that are to be updated. */
export function groupsOf(wanted: readonly Facts[], all: readonly Facts[]): Grouping {
  const dependenciesOf = (facts: Facts): Facts[] => {
    const named = [...facts.dependsOn, ...facts.hardDependsOn].flatMap((name) =>
      all.filter((other) => isMeant(other, name)),
    );
    return unique(named).filter((other) => other.id !== facts.id); // in the order of the labels
  };
  const cyclic = new Set(wanted.filter((facts) => reaches(facts, facts, dependenciesOf)));
  const sane = wanted.filter((facts) => !cyclic.has(facts));
  const neighbours = (facts: Facts): Facts[] => [
    ...dependenciesOf(facts),
    ...all.filter((other) => facts.refersTo.some((name) => isMeant(other, name))),
    ...dependantsOf(facts, all), // two updates that recreate the same container go one after the other
  ];
  return {
    groups: joined(sane, neighbours).map((updates) => ({
      updates: inOrder(updates, dependenciesOf),
      dependencies: unique(updates.flatMap(dependenciesOf)),
    })),
    left: [...cyclic].map((container) => ({ container, because: "its dependencies form a cycle" })),
  };
}

function reaches(from: Facts, target: Facts, next: (facts: Facts) => Facts[]): boolean {
  const seen = new Set<Facts>();
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
function joined(wanted: readonly Facts[], neighbours: (facts: Facts) => Facts[]): Facts[][] {
  let classes: { members: Facts[]; touches: Set<Facts> }[] = [];
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

function inOrder(updates: readonly Facts[], dependenciesOf: (facts: Facts) => Facts[]): Facts[] {
  const order: Facts[] = [];
  const placing = new Set<Facts>();
  const place = (facts: Facts): void => {
    if (order.includes(facts)) return;
    placing.add(facts);
    for (const other of updates) {
      const first =
        dependenciesOf(other).includes(facts) || facts.refersTo.some((name) => isMeant(other, name));
      if (other !== facts && first && !placing.has(other)) place(other);
    }
    order.push(facts);
  };
  updates.forEach(place);
  return order;
}

const unique = <T>(items: readonly T[]): T[] => [...new Set(items)];
