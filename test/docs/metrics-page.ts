/** docs/metrics.md: what the exporter serves, from its table, and how to use it. */
import { type Metric, metrics } from "../../services/exporter/metrics-table.ts";
import { block, code, page, table } from "./markdown.ts";

const isOfOuroboros1 = (name: string): boolean => !name.startsWith("ouroboros_");
const rows = (isWanted: (name: string) => boolean): string[][] =>
  Object.entries<Metric>(metrics)
    .filter(([name]) => isWanted(name))
    .map(([name, { type, labels, says }]) => [code(name), type, labels.map(code).join(" "), says]);
const HEAD = ["Metric", "Type", "Labels", "Meaning"];

export const metricsPage = (): string =>
  page(
    "Metrics",
    `\`DATA_EXPORT=prometheus\` serves metrics for Prometheus, \`DATA_EXPORT=influxdb\` writes points to InfluxDB 1.x. The
exporter only reads: updates go on without it, also where it cannot start.`,
    SET_UP,
    "## Metrics of Ouroboros 1",
    `Names and labels are unchanged. \`all_containers_updated\` is a gauge without \`_total\`, as there. \`socket\` is the Engine
as Ouroboros 1 writes it by default, \`unix://var/run/docker.sock\`. Hosts of a fleet often share that name: they are
added up here, and the metrics below tell them apart by \`host\`.`,
    table(HEAD, rows(isOfOuroboros1)),
    "## Further metrics",
    table(
      HEAD,
      rows((name) => !isOfOuroboros1(name)),
    ),
    WHAT_TO_KNOW,
    INFLUXDB,
  );

const SET_UP = `## Prometheus

With compose, for one host or for a whole fleet:

${block("sh", "docker compose --profile exporter up -d\ncurl -s http://127.0.0.1:8000/metrics")}

The port is published on the host's loopback. \`PROMETHEUS_ADDR\` and \`PROMETHEUS_PORT\` in \`.env\` say on which address and
port of the host instead; inside its container the exporter always listens on port 8000. A Prometheus in the same compose
project reaches it as \`exporter:8000\`.

The program with all services serves the metrics itself. In a container it must listen on the container's address for a
published port to reach it, as Ouroboros 1:

${block("sh", "docker run -d --name ouroboros … -e DATA_EXPORT=prometheus -e PROMETHEUS_ADDR=0.0.0.0 -p 127.0.0.1:8000:8000 ghcr.io/ouroboros-updater/ouroboros:2")}

Anyone who reaches the port can read the metrics, which name hosts and containers: there is no password and no TLS. Leave it on
loopback, or put a proxy in front. Only \`GET /metrics\` is answered.

${block("yaml", "scrape_configs:\n  - job_name: ouroboros\n    static_configs: [{ targets: [127.0.0.1:8000] }]\nrule_files: [ouroboros.rules.yml]")}

[deploy/prometheus/ouroboros.rules.yml](../deploy/prometheus/ouroboros.rules.yml) has alert rules,
[deploy/grafana/ouroboros.json](../deploy/grafana/ouroboros.json) a dashboard for Grafana: import it, and choose the data
source.`;

const WHAT_TO_KNOW = `## What to know

- One exporter serves a NATS: a second one, also with another \`DATA_EXPORT\`, would take half of the events from the first.
- Counters and histograms begin with the exporter's process, as Prometheus expects. With \`SAVE_COUNTERS=true\` the counts of updates
  (\`containers_updated_total\`, \`all_containers_updated\`) are kept in NATS. An event that is delivered twice counts once.
  A NATS that an earlier version has prepared may lack the bucket for them, \`OUROBOROS_OBSERVERS\`: then they begin anew, the log says so
  once, and they are kept as soon as an updater of this version or \`ouroboros nats-config prepare\` has created it.
- While the exporter is away, its events wait in NATS for up to seven days.
- Hosts' values come from what their pollers last wrote to NATS, read at a scrape and at most every 15 seconds. While NATS is
  away, \`ouroboros_nats_up\` is 0 and the last known values are served.
- A host that was forgotten (\`ouroboros host forget\`) loses its gauges at once, and its counters, histograms and part of
  \`all_containers_updated\` after an hour. The counter of a container goes 30 days after its last update.
- At most 20,000 series of counters and gauges are served and 10,000 containers counted; \`ouroboros_series_left_out\` says how
  many are missing, and the log says so once.`;

const INFLUXDB = `## InfluxDB 1.x

${block("sh", "DATA_EXPORT=influxdb INFLUX_URL=influxdb.example INFLUX_DATABASE=updates docker compose --profile exporter up -d")}

The database must exist: \`CREATE DATABASE updates\`. \`INFLUX_URL\` is a host name, the port is \`INFLUX_PORT\`; \`127.0.0.1\` means
the exporter's own container. \`INFLUX_SSL=true\` uses TLS, and only \`INFLUX_VERIFY_SSL=true\` checks the certificate.

For each update there are three points in the measurement \`Ouroboros\`, at the time of the update; \`ouroboros rollback\` writes
none:

${table(
  ["Tags", "Fields"],
  [
    ["`type=container_update` `socket` `host` `container`", "`count`, always 1"],
    [
      "`type=stats` `socket` `host`",
      "`monitored_containers`; `updated_count`, the host's updates since the start (or ever, with SAVE_COUNTERS)",
    ],
    ["`configuration` = HOSTNAME", "each setting by its name in lower case"],
  ],
)}

They are those of Ouroboros 1, with the tag \`host\` added. \`socket\` is written without its scheme, as there. The configuration holds
no secret: no setting that [is one](configuration.md), and no address with a password in it. Durations are in seconds.

While InfluxDB is away, or its database is missing, updates go on and the points wait in NATS, for up to 30 days; the exporter says
so once, and once when it is back. A point that InfluxDB refuses, such as one with a field of another type than before, is
left out with a warning. With \`RUN_ONCE\` the program waits up to 20 seconds until the points are written.`;
