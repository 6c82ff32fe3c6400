import assert from "node:assert/strict";
import { readLifecycleCommand, addNeededDependencies } from "../../../shared/containers/compat-labels.ts";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { PLAIN_FACTS } from "../../support/plain-facts.ts";

const WATCHTOWER = "com.centurylinklabs.watchtower";
const named = (name: string, more: Partial<ContainerFacts> = {}): ContainerFacts => ({
  id: name.padEnd(64, "0"),
  name,
  reference: `${name}:1`,
  imageId: "sha256:image",
  ...PLAIN_FACTS,
  ...more,
});

describe("watchtower's depends-on", () => {
  const api = named("api", { labels: { [`${WATCHTOWER}.depends-on`]: "/db, cache,,nobody" } });

  it("is the inverse of Ouroboros'", () => {
    const all = addNeededDependencies(
      [api, named("db", { dependsOn: ["web"] }), named("cache")],
      ["watchtower"],
    );
    assert.deepEqual(
      all.map(({ name, dependsOn }) => [name, dependsOn]),
      [
        ["api", []],
        ["db", ["web", "api"]],
        ["cache", ["api"]],
      ],
    );
  });

  it("adds no name that is there, also among the hard ones", () => {
    const all = addNeededDependencies(
      [api, named("db", { hardDependsOn: ["api"] }), named("cache", { dependsOn: ["api"] })],
      ["watchtower"],
    );
    assert.deepEqual(
      all.map(({ dependsOn }) => dependsOn),
      [[], [], ["api"]],
    );
  });

  it("is nothing where nobody asked for it", () => {
    assert.deepEqual(addNeededDependencies([api, named("db")], ["wud"])[1]?.dependsOn, []);
  });
});

describe("watchtower's lifecycle commands", () => {
  const cases: readonly [string, string | undefined, number][] = [
    ["a minute by default", undefined, 60_000],
    ["so many minutes", "5", 300_000],
    ["an hour for none", "0", 3_600_000],
    ["an hour at most", "600", 3_600_000],
    ["a minute for what is no number", "soon", 60_000],
  ];
  for (const [sentence, minutes, expected] of cases)
    it(`may take ${sentence}`, () => {
      const label = `${WATCHTOWER}.lifecycle.pre-update`;
      const labels = { [label]: "dump", ...(minutes !== undefined && { [`${label}-timeout`]: minutes }) };
      const asked = readLifecycleCommand(labels, "pre-update", ["watchtower"]);
      assert.deepEqual(asked, { command: "dump", timeoutMs: expected });
      assert.equal(readLifecycleCommand(labels, "post-update", ["watchtower"]), undefined);
      assert.equal(readLifecycleCommand(labels, "pre-update", []), undefined);
    });
});
