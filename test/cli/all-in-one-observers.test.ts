// The program with all services starts the exporter by itself where DATA_EXPORT asks for it, and the dashboard where
// DASHBOARD does.
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { afterEach, describe, it } from "mocha";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { freePort, startInfluxdb } from "../support/monitoring.ts";
import { createInstance } from "../support/ouroboros-instance.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);
const SOCKET = `unix://${h1.socket.replace(/^\//, "")}`;

/** A container whose tag has moved on. */
async function deployOutdated(name: string): Promise<void> {
  await deploy(h1, name);
  await release(`apps/${name}`, "2");
}

const TOKEN = "ann-0123456789-0123456789";

describe("ouroboros without a sub-command, with DATA_EXPORT", () => {
  afterEach(() => h1.clean());

  it("=prometheus serves the three metrics of Ouroboros 1 after an update, and with DASHBOARD=on shows it on the page", async () => {
    await deployOutdated("web");
    await using instance = await createInstance();
    const [port, page] = [await freePort(), await freePort()];
    const one = instance.start({
      ...{ RUN_ONCE: "false", DATA_EXPORT: "prometheus", PROMETHEUS_PORT: String(port) },
      ...{ DASHBOARD: "on", DASHBOARD_PORT: String(page), DASHBOARD_TOKENS: `ann:viewer:${TOKEN}` },
    });
    const wanted = [
      `containers_updated_total{socket="${SOCKET}",container="web"} 1`,
      `containers_being_monitored{socket="${SOCKET}"} 1`,
      `all_containers_updated{socket="${SOCKET}"} 1`,
    ];
    await until(
      "the update is counted",
      async () => {
        const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
          (response) => response.text(),
          () => "",
        );
        return wanted.every((line) => text.split("\n").includes(line));
      },
      { explain: one.log },
    );
    const ask = (path: string) =>
      fetch(`http://127.0.0.1:${page}/api/${path}`, { headers: { authorization: `Bearer ${TOKEN}` } })
        .then((response) => response.text())
        .catch(() => "");
    const isShown = async () => /"end":"updated"/.test(await ask("state?topics=results"));
    await until("the update is on the page", isShown, { explain: one.log });
    const isInLedger = async () => /"image":"registry\.lab:\d+\/apps\/web:latest"/.test(await ask("images"));
    await until("its image is in the ledger", isInLedger, { every: 1000, explain: one.log });
    one.kill("SIGTERM");
    assert.equal(await one.exited, 0);
  });

  it("=influxdb and RUN_ONCE has written the update before it ends", async () => {
    await using influxdb = await startInfluxdb();
    await influxdb.query("CREATE DATABASE updates");
    await deployOutdated("web");
    await using instance = await createInstance();
    const env = { DATA_EXPORT: "influxdb", INFLUX_PORT: String(influxdb.port), INFLUX_DATABASE: "updates" };
    const one = instance.start(env);
    assert.equal(await one.exited, 0, one.log());
    const query = "SELECT container, count FROM \"Ouroboros\" WHERE type = 'container_update'";
    const rows = await influxdb.query(query, "updates");
    assert.deepEqual(
      rows.map(({ container, count }) => [container, count]),
      [["web", 1]],
      one.log(),
    );
  });

  itInFullRun("goes on updating where the port is taken, and says so", async () => {
    await using taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    await deployOutdated("web");
    await using instance = await createInstance();
    const one = instance.start({
      ...{ RUN_ONCE: "false", DATA_EXPORT: "prometheus", PROMETHEUS_PORT: String(port) },
    });
    await until("it is said", () => one.log().includes("the exporter cannot run; updates go on without it"));
    await until("web is updated", async () => (await overview(h1)).includes("web running 2"), {
      explain: one.log,
    });
    one.kill("SIGTERM");
    assert.equal(await one.exited, 0);
    assert.match(one.log(), /metrics cannot be served on 127\.0\.0\.1:\d+/);
  });
});
