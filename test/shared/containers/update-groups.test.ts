import assert from "node:assert/strict";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { groupUpdates } from "../../../shared/containers/update-groups.ts";
import { PLAIN_FACTS } from "../../support/plain-facts.ts";

const container = (name: string, more: Partial<ContainerFacts> = {}): ContainerFacts => ({
  id: Buffer.from(name).toString("hex").padEnd(64, "0"),
  name,
  reference: "app:1",
  imageId: "sha256:1",
  ...PLAIN_FACTS,
  ...more,
});

interface Case {
  readonly all: readonly ContainerFacts[];
  readonly wanted: readonly string[];
  /** `updates | dependencies` of each group. */
  readonly groups: readonly string[];
  readonly left?: readonly string[];
}

describe("groups", () => {
  const cases: readonly [string, Case][] = [
    [
      "are one for each container that has to do with no other",
      { all: [container("a"), container("b"), container("c")], wanted: ["a", "b"], groups: ["a | ", "b | "] },
    ],
    [
      "join those with a dependency in common",
      {
        all: [container("a", { dependsOn: ["db"] }), container("b", { dependsOn: ["db"] }), container("db")],
        wanted: ["a", "b"],
        groups: ["a b | db"],
      },
    ],
    [
      "update a container before the dependency it stops",
      {
        all: [container("db"), container("a", { dependsOn: ["db"] })],
        wanted: ["db", "a"],
        groups: ["a db | db"],
      },
    ],
    [
      "order a chain of dependencies",
      {
        all: [container("c"), container("b", { dependsOn: ["c"] }), container("a", { dependsOn: ["b"] })],
        wanted: ["c", "b", "a"],
        groups: ["a b c | b c"],
      },
    ],
    [
      "count hard dependencies like soft ones",
      {
        all: [container("a", { hardDependsOn: ["db"] }), container("db")],
        wanted: ["a"],
        groups: ["a | db"],
      },
    ],
    [
      "find a dependency by its id",
      {
        all: [container("a", { dependsOn: [container("db").id.slice(0, 12)] }), container("db")],
        wanted: ["a"],
        groups: ["a | db"],
      },
    ],
    [
      "ignore names that nobody bears, and a container's own",
      { all: [container("a", { dependsOn: ["nobody", "a"] })], wanted: ["a"], groups: ["a | "] },
    ],
    [
      "join those that refer to the same container, without stopping it",
      {
        all: [container("a", { refersTo: ["vpn"] }), container("b", { refersTo: ["vpn"] }), container("vpn")],
        wanted: ["a", "b"],
        groups: ["a b | "],
      },
    ],
    [
      "update a container before those that refer to it",
      { all: [container("b", { refersTo: ["a"] }), container("a")], wanted: ["b", "a"], groups: ["a b | "] },
    ],
    [
      "merge when a later container joins two of them",
      {
        all: [
          container("a"),
          container("b"),
          container("c", { dependsOn: ["a", "b"] }),
          container("d", { dependsOn: ["e"] }),
          container("e"),
        ],
        wanted: ["a", "b", "d", "c"],
        groups: ["d | e", "c a b | a b"],
      },
    ],
    [
      "leave a cycle alone, and what only points at it not",
      {
        all: [
          container("a", { dependsOn: ["b"] }),
          container("b", { dependsOn: ["a"] }),
          container("c", { dependsOn: ["a"] }),
        ],
        wanted: ["a", "b", "c"],
        groups: ["c | a"],
        left: ["a", "b"],
      },
    ],
  ];
  for (const [sentence, { all, wanted, groups, left = [] }] of cases)
    it(sentence, () => {
      const names = (list: readonly ContainerFacts[]): string => list.map(({ name }) => name).join(" ");
      const chosen = wanted.flatMap((name) => all.filter((one) => one.name === name));
      const grouping = groupUpdates(chosen, all);
      assert.deepEqual(
        grouping.groups.map(
          ({ updates, dependencies }) =>
            `${names(updates)} | ${names(dependencies.toSorted((a, b) => (a.name < b.name ? -1 : 1)))}`,
        ),
        groups,
      );
      assert.deepEqual(
        grouping.skipped,
        left.map((name) => ({
          container: all.find((one) => one.name === name),
          because: "its dependencies form a cycle",
        })),
      );
    });
});
