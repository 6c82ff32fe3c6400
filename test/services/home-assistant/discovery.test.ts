import assert from "node:assert/strict";
import { configOf, stateOf, topicsOf } from "../../../services/home-assistant/discovery.ts";
import type { Entity } from "../../../services/home-assistant/host-state.ts";
import { DiscoveryConfig, parseConfig, parseState } from "../../support/discovery-contract.ts";

const entity: Entity = {
  host: "h1",
  container: "web",
  image: "nginx:1",
  installed: { version: "1.4.2", digest: `sha256:${"a".repeat(64)}` },
  canUpdate: true,
};
const NEWER = `sha256:${"b".repeat(64)}`;

describe("what is published for a container", () => {
  for (const [host, container] of [
    ["h1", "web"],
    ["home/lab", "a+b#c"],
    ["h1.example.com", "my_app.1"],
    ["ü $SYS", "/../+"],
  ] as const)
    it(`is on topics without wildcards and further levels: ${container} on ${host}`, () => {
      const topics = topicsOf("homeassistant", host, container);
      const config = parseConfig(topics.config, configOf("homeassistant", { ...entity, host, container }));
      assert.equal(config.name, container);
      assert.equal(config.device.name, host);
      for (const topic of [topics.config, topics.state, topics.command])
        assert.match(topic, /^homeassistant\/update\/[\w-]+\/\w+$/);
    });

  it("has topics of its own for names that are alike", () => {
    const pairs = [
      ["a", "b__c"],
      ["a__b", "c"],
      ["a_", "_b"],
      ["a", "b.c"],
      ["a", "b_2Ec"],
      ["a", "b=2Ec"],
      ["a.b", "c"],
    ] as const;
    const all = pairs.map(([host, container]) => topicsOf("homeassistant", host, container).config);
    assert.equal(new Set(all).size, pairs.length);
  });

  it("has no install button where nothing is updated", () => {
    const topics = topicsOf("p", "h1", "web");
    const commandOf = (canUpdate: boolean) =>
      DiscoveryConfig.parse(JSON.parse(configOf("p", { ...entity, canUpdate }))).command_topic;
    assert.deepEqual([commandOf(true), commandOf(false)], [topics.command, undefined]);
  });

  const states: readonly [string, Partial<Entity>, object][] = [
    [
      "the same version twice where nothing is newer",
      {},
      { installed_version: "1.4.2", latest_version: "1.4.2" },
    ],
    [
      "the digest of what is newer",
      { newer: NEWER },
      { installed_version: "1.4.2", latest_version: "sha256:bbbbbbbbbbbb" },
    ],
    [
      "digests where the image names no version",
      { installed: { digest: NEWER } },
      { installed_version: "sha256:bbbbbbbbbbbb", latest_version: "sha256:bbbbbbbbbbbb" },
    ],
    ["no version where none is known", { installed: {} }, {}],
    [
      "how far the update is",
      { percent: 0 },
      { installed_version: "1.4.2", latest_version: "1.4.2", update_percentage: 0, in_progress: true },
    ],
  ];
  for (const [says, change, expected] of states)
    it(`says ${says}`, () => {
      const state = parseState(stateOf({ ...entity, ...change }));
      assert.deepEqual(state, { title: "nginx:1", update_percentage: null, in_progress: false, ...expected });
    });
});
