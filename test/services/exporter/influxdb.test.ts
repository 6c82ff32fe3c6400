// The points that the exporter writes to InfluxDB 1.x.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, it } from "mocha";
import { engine } from "../../bed/bed.ts";
import { deploy, release } from "../../support/containers.ts";
import { type Influxdb, startInfluxdb } from "../../support/monitoring.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import { update } from "../../support/runs.ts";
import { type Process, type Stack, startProcess, startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { itInFullRun } from "../../support/full-run.ts";

const h1 = engine(1);
const PROGRAM = join(import.meta.dirname, "../../../services/exporter/main.js");
const SOCKET = h1.socket.replace(/^\//, "");
const UPDATES = "SELECT * FROM \"Ouroboros\" WHERE type = 'container_update'";
const STATS = "SELECT * FROM \"Ouroboros\" WHERE type = 'stats'";
const SECRETS = {
  INFLUX_PASSWORD: "planted-influx-password",
  REPO_PASS: "planted-repo-password",
  NOTIFIERS: "json://ann:planted-notifier@example.test",
  WEBHOOK_TOKEN: "planted-token",
  HTTPS_PROXY: "http://ann:planted-proxy@proxy.test",
};

function start(stack: Stack, influxdb: Influxdb, env: Readonly<Record<string, string>> = {}): Process {
  return startProcess(PROGRAM, {
    PATH: process.env["PATH"] ?? "",
    ...(process.env["NODE_V8_COVERAGE"] && { NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"] }),
    ...{ NATS_URL: stack.server.url, DATA_EXPORT: "influxdb", HOSTNAME: "machine" },
    ...{ INFLUX_PORT: String(influxdb.port), INFLUX_DATABASE: "updates", LOG_LEVEL: "debug", ...env },
  });
}

/** What is in the database, once there are so many rows. */
const rows = (influxdb: Influxdb, text: string, count: number) =>
  until(`${count} rows of ${text}`, async () => {
    const found = await influxdb.query(text, "updates");
    return found.length >= count && found;
  });

async function updateOnce(stack: Stack, version: string): Promise<void> {
  await release("apps/web", version);
  assert.deepEqual(await update(stack), { web: "updated" });
}

const started = (exporter: Process, sentence = "started"): Promise<boolean> =>
  until(sentence, () => exporter.log().includes(sentence), { explain: exporter.log });

describe("points for InfluxDB", () => {
  afterEach(() => h1.clean());

  it("are those of Ouroboros 1, with integers, and hold no secret", async () => {
    await using influxdb = await startInfluxdb({ users: true });
    await influxdb.query("CREATE DATABASE updates");
    await influxdb.query("CREATE USER writer WITH PASSWORD 'planted-influx-password'");
    await influxdb.query("GRANT ALL ON updates TO writer");
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const settings = { INTERVAL: "10m", MONITOR: "web shop", GRACE: "-1", INFLUX_USERNAME: "writer" };
    await using exporter = start(stack, influxdb, { ...SECRETS, ...settings });
    await updateOnce(stack, "2");
    const [one, ...others] = await rows(influxdb, UPDATES, 1);
    assert.deepEqual(others, []);
    const set = (row: object | undefined) =>
      Object.fromEntries(Object.entries(row ?? {}).filter(([, value]) => value !== null));
    const { time, ...point } = set(one);
    const told = stack.notices.find(({ type }) => type.includes("update_finished"));
    assert.equal(time, Date.parse(told?.time ?? ""));
    assert.deepEqual(point, {
      socket: SOCKET,
      host: "h1",
      type: "container_update",
      container: "web",
      count: 1,
    });
    const [stats] = await rows(influxdb, STATS, 1);
    const { time: _, ...numbers } = set(stats);
    assert.deepEqual(numbers, {
      ...{ socket: SOCKET, host: "h1", type: "stats" },
      ...{ monitored_containers: 1, updated_count: 1 },
    });
    const [configuration] = await rows(
      influxdb,
      "SELECT * FROM \"Ouroboros\" WHERE configuration = 'machine'",
      1,
    );
    const fields = set(configuration);
    assert.deepEqual(
      [fields["interval"], fields["monitor"], fields["grace"], fields["cleanup"], fields["influx_database"]],
      [600, "web shop", -1, false, "updates"],
    );
    for (const name of Object.keys(SECRETS)) assert.ok(!(name.toLowerCase() in fields), name);
    const types = await influxdb.query('SHOW FIELD KEYS FROM "Ouroboros"', "updates");
    const typeOf = (field: string) => types.find(({ fieldKey }) => fieldKey === field)?.["fieldType"];
    assert.deepEqual(["count", "updated_count", "interval", "cleanup", "tz"].map(typeOf), [
      ...["integer", "integer", "integer", "boolean", "string"],
    ]);
    await until("the updater is idle and goes back", async () => {
      const { out } = await runOperatorCommand({ NATS_URL: stack.server.url }, ["rollback", "web", "--wait"]);
      return /^web: rolled back by the operator/m.test(out) || undefined;
    });
    await updateOnce(stack, "3");
    const counted = await rows(influxdb, STATS, 2);
    assert.deepEqual(
      counted.map(({ updated_count: count }) => count),
      [1, 2],
    );
    const everything = JSON.stringify(await influxdb.query('SELECT * FROM "Ouroboros"', "updates"));
    assert.doesNotMatch(everything + exporter.log(), /planted/);
  });

  itInFullRun("wait in NATS while InfluxDB is away, and are there once when it is back", async () => {
    await using influxdb = await startInfluxdb();
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    await using exporter = start(stack, influxdb, { SAVE_COUNTERS: "true" });
    await started(exporter, 'there is no database updates: create it with `CREATE DATABASE \\"updates\\"`');
    await influxdb.query("CREATE DATABASE updates");
    await updateOnce(stack, "2");
    await rows(influxdb, STATS, 1);
    await started(exporter, "InfluxDB takes points again");
    await influxdb.kill();
    await updateOnce(stack, "3");
    await until("it is said again", () => exporter.log().match(/InfluxDB takes no points/g)?.length === 2);
    exporter.kill("SIGKILL");
    await exporter.exited;
    await using again = start(stack, influxdb, { SAVE_COUNTERS: "true" });
    await started(again, "InfluxDB takes no points");
    await influxdb.restart();
    const stats = await rows(influxdb, STATS, 2);
    assert.deepEqual(
      stats.map(({ updated_count }) => updated_count),
      [1, 2],
    );
    assert.equal((await rows(influxdb, UPDATES, 2)).length, 2);
    await started(again, "InfluxDB takes points again");
    assert.equal(again.log().match(/InfluxDB takes no points/g)?.length, 1);
    assert.doesNotMatch(again.log(), /"level":"error"/);
  });

  itInFullRun(
    "are written over TLS with INFLUX_SSL, to a certificate that is good with INFLUX_VERIFY_SSL",
    async () => {
      const folder = await mkdtemp(join(tmpdir(), "influxdb-tls-"));
      const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
      const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
      const subject = ["-days", "2", "-subj", "/CN=influxdb", "-addext", "subjectAltName=IP:127.0.0.1"];
      await promisify(execFile)("openssl", [...request, ...subject, "-keyout", key, "-out", cert]);
      await using influxdb = await startInfluxdb({ tls: { cert, key } });
      await influxdb.query("CREATE DATABASE updates");
      await deploy(h1, "web");
      await using stack = await startStack({ engine: h1 });
      await stack.check();
      const env = { INFLUX_SSL: "true" };
      await using wary = start(stack, influxdb, { ...env, INFLUX_VERIFY_SSL: "true" });
      await started(wary, "self-signed certificate");
      wary.kill("SIGTERM");
      assert.equal(await wary.exited, 0);
      await using trusting = start(stack, influxdb, env);
      await started(trusting, "InfluxDB's certificate is not checked");
      await updateOnce(stack, "2");
      await rows(influxdb, STATS, 1);
      trusting.kill("SIGTERM");
      assert.equal(await trusting.exited, 0);
      await using knowing = start(stack, influxdb, {
        ...{ ...env, INFLUX_VERIFY_SSL: "true", NODE_EXTRA_CA_CERTS: cert },
      });
      await started(knowing);
      await updateOnce(stack, "3");
      await rows(influxdb, STATS, 2);
      assert.doesNotMatch(knowing.log(), /takes no points/);
      await rm(folder, { recursive: true });
    },
  );

  it("need a database and a host's name: otherwise the exporter says so and ends", async () => {
    await using influxdb = await startInfluxdb();
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const nameless = start(stack, influxdb, { INFLUX_DATABASE: "" });
    assert.equal(await nameless.exited, 1);
    assert.match(nameless.stderrText(), /^ouroboros exporter: INFLUX_DATABASE is not set/);
    const address = start(stack, influxdb, { INFLUX_URL: "http://ann:planted@influxdb:8086" });
    assert.equal(await address.exited, 1);
    assert.match(address.stderrText(), /^ouroboros exporter: INFLUX_URL is not a host name/);
    assert.doesNotMatch(address.stderrText(), /planted/);
  });
});
