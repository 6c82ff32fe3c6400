import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseServices } from "../../../shared/swarm/read-services.ts";

const service = (Name: string, more: object = {}): object => ({
  ID: `id of ${Name}`,
  Version: { Index: 7 },
  CreatedAt: "2026-01-01T00:00:00Z",
  Spec: { Name, TaskTemplate: { ContainerSpec: { Image: "nginx:1" } }, Mode: { Global: {} }, ...more },
});

describe("the services of a swarm", () => {
  it("are read each for itself: one that cannot be read is named, and hides no other", () => {
    const plugin = service("plugin", { TaskTemplate: { PluginSpec: {} } });
    const { services, unseen } = parseServices([service("web"), plugin, "nonsense", service("db")]);
    assert.deepEqual(
      services.map(({ Spec }) => Spec.Name),
      ["web", "db"],
    );
    assert.deepEqual(
      unseen.map(({ name }) => name),
      ["plugin", "a service"],
    );
    assert.match(unseen[0]?.because ?? "", /^Spec\.TaskTemplate\.ContainerSpec: /);
  });
});
