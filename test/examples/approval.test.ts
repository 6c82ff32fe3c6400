import assert from "node:assert/strict";
import { join } from "node:path";
import type { Locals } from "../../shared/contract/hooks.ts";
import { container, remoteImage, service } from "../services/hook-executor/scene.ts";

interface Script {
  default: (event: { data: Partial<Locals<"updates_enumerated">> }) => {
    containers: Record<string, { verdict: string; reason: string }>;
  };
}
const APPROVAL = join(import.meta.dirname, "../../../examples/cookbook/approval.mjs");

describe("examples/cookbook/approval.mjs", () => {
  it("waits for services of a swarm as for containers", async () => {
    const { default: decide } = (await import(APPROVAL)) as Script;
    const images = { current_image: remoteImage("a"), latest_image: remoteImage("b") };
    const data = {
      updateable: [{ container: container("app"), ...images }],
      updateable_services: [{ service: service("web"), ...images }],
    };
    const { containers } = decide({ data });
    assert.deepEqual(
      Object.entries(containers).map(([name, { verdict, reason }]) => `${name}: ${verdict}: ${reason}`),
      [
        "app: defer: waits for approvals/app@bbbbbbbbbbbb",
        "web: defer: waits for approvals/web@bbbbbbbbbbbb",
      ],
    );
  });
});
