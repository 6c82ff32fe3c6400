// What the notifier makes of releases that no tag policy takes.
import assert from "node:assert/strict";
import { findBeyond } from "../../../services/notifier/find-beyond.ts";
import type { HostEntry, MonitoredContainer } from "../../../shared/contract/host-entry.ts";

const LOOKED_AT = "2026-01-01T00:00:00.000Z";

const hostOf = (...containers: MonitoredContainer[]): HostEntry => ({
  ...{ engine_id: "E", versions: { ouroboros: "2.0.0", api: "1.51" } },
  ...{ last_seen: LOOKED_AT, last_poll: LOOKED_AT, last_plan: null },
  cycle: {
    ...{ looked_at: LOOKED_AT, socket: "unix:///x", mode: "update", next_poll: null },
    ...{ monitored: containers.length, unanswered: 0, updates: [], failures: [], containers },
  },
});

const found = (hosts: Record<string, HostEntry>) =>
  findBeyond(new Map(Object.entries(hosts)), 0).map(({ key, image, containers }) => [key, image, containers]);

describe("a release beyond the tag policies", () => {
  const web = { container: "web", image: "acme/web:1.4.2" };

  it("is told once for a fleet, with who runs the image", () => {
    assert.deepEqual(
      found({
        h1: hostOf({ ...web, beyond: "2.0.0" }, { container: "db", image: "acme/db:1" }),
        h2: hostOf({ ...web, container: "api", beyond: "2.0.0" }),
      }),
      [["beyond acme/web 2", "acme/web:2.0.0", ["web (h1)", "api (h2)"]]],
    );
  });

  it("is told once for a major version, and once for a minor one where that is beyond already", () => {
    const keyOf = (beyond: string): unknown => found({ h1: hostOf({ ...web, beyond }) })[0]?.[0];
    assert.deepEqual(["2.0.0", "2.1.3", "1.6.0", "1.6.1", "3.0.0"].map(keyOf), [
      ...["beyond acme/web 2", "beyond acme/web 2", "beyond acme/web 1.6", "beyond acme/web 1.6"],
      "beyond acme/web 3",
    ]);
  });

  it("is nothing that is no tag, as a host could write, and at most 200", () => {
    const many = Array.from({ length: 300 }, (_, n) => ({
      ...{ container: `c${n}`, image: `acme/app${n}:1`, beyond: "2" },
    }));
    assert.deepEqual(found({ h1: hostOf({ ...web, beyond: "a b" }, { ...web, image: "no ref" }) }), []);
    assert.equal(found({ h1: hostOf(...many) }).length, 200);
  });
});
