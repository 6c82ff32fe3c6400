// The exporter as Prometheus sees it: after updates of every kind, with a gate that waits.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { metricNames, metrics } from "../../../services/exporter/metrics-table.ts";
import { engine, hubControl } from "../../bed/bed.ts";
import { LONG_SETTLE_TIME, deploy, release } from "../../support/containers.ts";
import { type Prometheus, freePort, promtool, startPrometheus } from "../../support/monitoring.ts";
import { checkout } from "../../support/checkout.ts";
import { type RegisteredParticipant, addParticipant, runOuroboros } from "../../support/participants.ts";
import { requestPlan } from "../../support/runs.ts";
import { type Process, type Stack, startProcess, startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { itInFullRun } from "../../support/full-run.ts";

const h1 = engine(1);
const PROGRAM = join(import.meta.dirname, "../../../services/exporter/main.js");
const SOCKET = `unix://${h1.socket.replace(/^\//, "")}`;
const DASHBOARD = join(checkout, "deploy/grafana/ouroboros.json");
const RULES = join(checkout, "deploy/prometheus/ouroboros.rules.yml");

describe("the metrics", () => {
  let stack: Stack;
  let port: number;
  let exporter: Process;
  let prometheus: Prometheus | undefined;
  let approver: RegisteredParticipant | undefined;
  let fault: AsyncDisposable | undefined;

  const start = (env: Readonly<Record<string, string>> = {}): Process =>
    startProcess(PROGRAM, {
      PATH: process.env["PATH"] ?? "",
      ...(process.env["NODE_V8_COVERAGE"] && { NODE_V8_COVERAGE: process.env["NODE_V8_COVERAGE"] }),
      ...{ NATS_URL: stack.server.url, DATA_EXPORT: "prometheus", PROMETHEUS_PORT: String(port), ...env },
    });
  const scrape = (path = "/metrics", init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, init);
  const lines = async (): Promise<string[]> => (await (await scrape()).text()).split("\n");
  /** None while it does not listen yet. */
  const linesIfAny = (): Promise<string[]> => lines().catch(() => []);
  const has = (...wanted: readonly string[]): Promise<string[]> =>
    until(
      wanted.join(", "),
      async () => {
        const found = await linesIfAny();
        return wanted.every((line) => found.includes(line)) && found;
      },
      { explain: () => exporter.log() },
    );

  before(async () => {
    for (const name of ["good", "kept", "slow"]) await deploy(h1, name);
    await deploy(h1, "hubbed", { image: "docker.io/library/hubbed" });
    await deploy(h1, "bad", { create: { Labels: LONG_SETTLE_TIME } });
    stack = await startStack({ engine: h1 });
    port = await freePort();
    exporter = start();
    await stack.script("before_update/10-no", '#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != kept ]\n');
    await stack.check();
    await has('ouroboros_containers_monitored{host="h1"} 5');
    const seer = (prometheus = await startPrometheus(port, [RULES]));
    await until(
      "Prometheus has seen zeros",
      async () => (await seer.query('ouroboros_update_ends_total{end="updated"} == 0')).length === 1,
    );
    fault = await hubControl.faults([{ match: "/v2/library/hubbed/manifests/", status: 500 }]);
    for (const name of ["good", "kept"]) await release(`apps/${name}`, "2");
    await release("apps/bad", "2", { cmd: "exit 3" });
    await requestPlan(stack);
    await until("the run is over", () => stack.records.some(({ kind }) => kind === "finished"));
    await until("the updater is idle and goes back", async () => {
      const { code } = await runOuroboros(stack, "rollback", "good", "--wait");
      return code === 0 || undefined;
    });
    approver = await addParticipant(
      stack,
      "approver",
      { hooks: ["before_update"], flags: ["--timeout", "1h"] },
      () => undefined,
    );
    await release("apps/slow", "2");
    await requestPlan(stack);
    await until("the approver is asked", () => approver?.asked.includes("before_update slow"));
  });
  after(async () => {
    await fault?.[Symbol.asyncDispose]();
    await prometheus?.[Symbol.asyncDispose]();
    await exporter[Symbol.asyncDispose]();
    if (approver !== undefined) await runOuroboros(stack, "verdict", approver.events[0]?.id ?? "", "refuse");
    await approver?.[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("of Ouroboros 1 are there, with its names and labels", async () => {
    await has(
      `containers_updated_total{socket="${SOCKET}",container="good"} 1`,
      `containers_being_monitored{socket="${SOCKET}"} 5`,
      `all_containers_updated{socket="${SOCKET}"} 1`,
    );
    const types = (await lines()).filter((line) => /^# TYPE \w*containers/.test(line));
    assert.deepEqual(types.slice(0, 3), [
      "# TYPE containers_updated_total counter",
      "# TYPE containers_being_monitored gauge",
      "# TYPE all_containers_updated gauge",
    ]);
  });

  it("count ends, and say what waits, what is held and what is there to update", async () => {
    const found = await has(
      'ouroboros_update_ends_total{host="h1",end="updated"} 1',
      'ouroboros_update_ends_total{host="h1",end="rolled_back_by_operator"} 1',
      'ouroboros_update_ends_total{host="h1",end="refused"} 1',
      'ouroboros_update_ends_total{host="h1",end="rolled_back"} 1',
      'ouroboros_update_ends_total{host="h1",end="stuck"} 0',
      'ouroboros_pending_gates{host="h1",hook="before_update"} 1',
      'ouroboros_held_containers{host="h1"} 3',
      'ouroboros_updates_available{host="h1",container="slow"} 1',
      'ouroboros_registry_errors{host="h1"} 1',
      'ouroboros_container_downtime_seconds_count{host="h1"} 3',
      'ouroboros_run_duration_seconds_count{host="h1"} 2',
      "ouroboros_nats_up 1",
      "ouroboros_series_left_out 0",
    );
    assert.ok(
      found.some((line) => /^ouroboros_hook_wait_seconds_count\{hook="before_update"\} [1-9]/.test(line)),
    );
    assert.ok(
      found.some((line) =>
        /^ouroboros_registry_requests_remaining\{host="h1",registry=".+"\} \d+$/.test(line),
      ),
    );
    assert.deepEqual(found.filter((line) => /^ouroboros_updates_available\{/.test(line)).length, 1);
    const polled = found.find((line) => line.startsWith("ouroboros_last_poll_timestamp_seconds{"));
    const age = Date.now() / 1000 - Number(polled?.split(" ")[1]);
    assert.ok(age >= 0 && age < 300, polled);
  });

  it("are all in the table, and in no other form", async () => {
    const types = (await lines()).flatMap(
      (line) => /^# TYPE (\S+) (\S+)$/.exec(line)?.slice(1, 3).join(" ") ?? [],
    );
    assert.deepEqual(
      types,
      metricNames.map((name) => `${name} ${metrics[name].type}`),
    );
  });

  it("pass promtool", async () => {
    assert.deepEqual(await promtool(["check", "metrics"], await (await scrape()).text()), {
      code: 0,
      out: "",
    });
  });

  it("are served at /metrics to GET alone", async () => {
    assert.match((await scrape()).headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    assert.equal((await scrape("/metrics?name=x")).status, 200);
    assert.equal((await scrape("/")).status, 404);
    assert.equal((await scrape("/metrics/")).status, 404);
    const post = await scrape("/metrics", { method: "POST", body: "x" });
    assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET"]);
    assert.equal((await scrape("/metrics", { method: "HEAD" })).status, 405);
  });

  it("feed every query of the dashboard and every rule", async () => {
    const text = await readFile(DASHBOARD, "utf8");
    const expressions = [...text.matchAll(/^ *"expr": (".*"),?$/gm)].map(
      ([, json = ""]) => JSON.parse(json) as string,
    );
    assert.ok(expressions.length > 20);
    const filled = expressions.map((expression) =>
      expression.replaceAll("$host", ".*").replaceAll("$__rate_interval", "5m").replaceAll("$__range", "1h"),
    );
    for (const expression of filled)
      await until(
        `${expression} has data`,
        async () => ((await prometheus?.query(expression)) ?? []).length > 0,
        {
          within: 20_000,
        },
      );
    const rules = (await (await fetch(`${prometheus?.url ?? ""}/api/v1/rules`)).json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    const all = rules.data.groups.flatMap((group) => group.rules);
    assert.ok(all.length >= 10);
    assert.deepEqual(
      all.filter(({ health }) => health !== "ok"),
      [],
    );
  });

  itInFullRun("hold what waits also after the exporter was killed, and count nothing twice", async () => {
    exporter.kill("SIGKILL");
    await exporter.exited;
    exporter = start();
    await until("it serves again", () =>
      scrape().then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    await has(
      'ouroboros_pending_gates{host="h1",hook="before_update"} 1',
      'ouroboros_update_ends_total{host="h1",end="updated"} 0',
    );
  });

  itInFullRun("say that NATS is away, and keep what is known", async () => {
    await stack.server.kill("SIGSTOP");
    const away = await until("it is said", async () => {
      const found = await lines();
      return found.includes("ouroboros_nats_up 0") && found;
    });
    assert.ok(away.includes('ouroboros_containers_monitored{host="h1"} 5'));
    await stack.server.kill("SIGCONT");
    await has("ouroboros_nats_up 1");
  });

  it("cannot be served on a port that is taken: the exporter says so and ends", async () => {
    const second = start();
    assert.equal(await second.exited, 1);
    assert.match(
      second.stderrText(),
      /^ouroboros exporter: metrics cannot be served on 127\.0\.0\.1:\d+ \(.*EADDRINUSE.*\): set PROMETHEUS_ADDR .*\n$/,
    );
    const elsewhere = start({ PROMETHEUS_ADDR: "192.0.2.1" });
    assert.equal(await elsewhere.exited, 1);
    assert.match(elsewhere.stderrText(), /served on 192\.0\.2\.1:\d+ \(.*EADDRNOTAVAIL/);
  });

  it("are not there without DATA_EXPORT: the exporter says so and ends", async () => {
    const none = start({ DATA_EXPORT: "" });
    assert.equal(await none.exited, 1);
    assert.equal(
      none.stderrText(),
      "ouroboros exporter: DATA_EXPORT is not set: set it to prometheus or influxdb\n",
    );
  });
});

describe("the alert rules", () => {
  it("raise what their tests say", async () => {
    const { code, out } = await promtool([
      "test",
      "rules",
      join(checkout, "deploy/prometheus/ouroboros.rules.test.yml"),
    ]);
    assert.equal(code, 0, out);
  });
});
