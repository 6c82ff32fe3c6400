// What people and their tools hear of services: notifications and metrics name them as they name containers.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { release } from "../support/containers.ts";
import { startEndpoint } from "../support/endpoint.ts";
import { freePort } from "../support/monitoring.ts";
import { type Process, type Stack, startProcess, startStack } from "../support/stack.ts";
import { formSwarm } from "../support/swarm.ts";
import { until } from "../support/until.ts";

const PROGRAM = join(import.meta.dirname, "../../cli/main.js");

/** Starts a service that only hears of updates, on the stack's NATS. */
const startObserver = (stack: Stack, service: string, env: Readonly<Record<string, string>>): Process =>
  startProcess(PROGRAM, { PATH: "/usr/bin:/bin", ...stack.access, ...env }, [service]);

describe("an update of a service", () => {
  it("is counted, and told to people, with the service's name", async () => {
    await using swarm = await formSwarm([engine(1)]);
    const old = await swarm.deploy("web");
    await swarm.deploy("kept");
    await using stack = await startStack({ engine: engine(1), env: { SWARM: "true" } });
    await using endpoint = await startEndpoint(() => [200]);
    const port = await freePort();
    await using exporter = startObserver(stack, "exporter", {
      DATA_EXPORT: "prometheus",
      PROMETHEUS_PORT: String(port),
    });
    await using notifier = startObserver(stack, "notifier", {
      NOTIFIERS: `json://127.0.0.1:${new URL(endpoint.url).port}`,
      SKIP_STARTUP_NOTIFICATIONS: "true",
    });
    await until("the notifier reads events", () => /sending notifications/.test(notifier.log()));
    const scrape = async (): Promise<string> =>
      (await fetch(`http://127.0.0.1:${port}/metrics`)).text().catch(() => "");
    await stack.check();
    await until("the exporter knows the host", async () =>
      /^ouroboros_containers_monitored\{host="h1"\} 2$/m.test(await scrape().catch(() => "")),
    );
    await stack.script(
      "before_service_update/10-no",
      '#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != kept ] || { echo "not today" >&2; exit 1; }\n',
    );
    const { digest } = await release("apps/web", "2");
    await release("apps/kept", "2");
    await stack.check();
    await stack.expectResult("web", "updated");
    await stack.expectResult("kept", "refused");
    const counts = await until(
      "both are counted",
      async () => {
        const text = await scrape();
        return ["updated", "refused"].every((end) =>
          text.includes(`ouroboros_update_ends_total{host="h1",end="${end}"} 1`),
        );
      },
      { explain: () => exporter.log() },
    );
    assert.equal(counts, true);
    const { body } = await until("people are told", () => endpoint.requests[0], {
      explain: () => notifier.log(),
    });
    const { title, message } = JSON.parse(body) as { title: string; message: string };
    assert.equal(title, "Ouroboros has updated containers!");
    const short = (id: string): string => id.slice("sha256:".length).slice(0, 12);
    assert.ok(message.includes(`web updated from ${short(old)} to ${short(digest)}`), message);
    assert.match(message, /^kept was not updated: .*not today$/m);
  });
});
