// The exporter at a closed NATS, with its own key.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, describe, it } from "mocha";
import { engine } from "../../bed/bed.ts";
import { deploy, release } from "../../support/containers.ts";
import { ROLE_OF, writeNatsConfig } from "../../support/nats-config-folder.ts";
import { runOuroboros } from "../../support/participants.ts";
import { update } from "../../support/runs.ts";
import { type ServiceName, startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { prepareExporter } from "./start-exporter.ts";

const h1 = engine(1);
const UPDATED = `containers_updated_total{socket="unix://${h1.socket.replace(/^\//, "")}",container="web"} 1`;

describe("the exporter with the rights of an observer", () => {
  after(() => h1.clean());

  it("has all it needs, keeps its counters over a restart with SAVE_COUNTERS, and leaves out a host that is forgotten", async () => {
    await using keys = await writeNatsConfig("--hosts", h1.name);
    await using stack = await startStack({
      ...{ engine: h1, services: [], nats: { config: keys.config } },
      operator: { access: keys.access("operator"), connection: await keys.connection("operator") },
    });
    await deploy(h1, "web");
    const prepared = await runOuroboros(stack, "nats-config", "prepare", "--hosts", h1.name);
    assert.equal(prepared.code, 0, prepared.err);
    for (const [service, role] of Object.entries(ROLE_OF))
      stack.start(service as ServiceName, { env: keys.access(`${role}_${h1.name}`) });
    const { url, start, serves } = await prepareExporter({
      NATS_URL: stack.server.url,
      ...keys.access("observer_exporter"),
    });
    await using first = start();
    await stack.check();
    await serves(first, 'ouroboros_containers_monitored{host="h1"} 1');
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "updated" });
    await serves(first, UPDATED);
    first.kill("SIGTERM");
    assert.equal(await first.exited, 0);
    await using second = start();
    await serves(second, UPDATED);
    await serves(second, 'ouroboros_update_ends_total{host="h1",end="updated"} 0');
    for (const one of Object.values(stack.services)) {
      one.kill("SIGTERM");
      await one.exited;
    }
    const forgotten = await runOuroboros(stack, "host", "forget", h1.name);
    assert.equal(forgotten.code, 0, forgotten.err);
    await until("the host's own values are gone", async () => {
      const text = await (await fetch(url)).text();
      return !/^ouroboros_(?:host_info|containers_monitored|last_poll_\w+)\{/m.test(text);
    });
    await serves(second, UPDATED);
    assert.doesNotMatch(await readFile(stack.server.log, "utf8"), /Violation/);
  });
});
