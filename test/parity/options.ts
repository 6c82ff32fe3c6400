// The options of Ouroboros 1.9, from its code: environment variable, command-line flags, default, and a value other
// than the default. Facts about another program: they change only where they prove wrong.

export interface Option {
  readonly flags: readonly string[];
  /** As its users write it; "" for none. */
  readonly byDefault: string;
  /** Something else that its users may write. */
  readonly other: string;
  /** A flag that takes no value; in brackets what it stands for. */
  readonly switches?: "true" | "false";
}

const on = { byDefault: "false", other: "true", switches: "true" } as const;

export const options = {
  DOCKER_SOCKETS: {
    flags: ["-d", "--docker-sockets"],
    byDefault: "unix://var/run/docker.sock",
    other: "tcp://10.0.0.1:2375 unix://var/run/other.sock",
  },
  DOCKER_TLS: { flags: ["-t", "--docker-tls"], ...on },
  DOCKER_TLS_VERIFY: {
    flags: ["-T", "--docker-tls-verify"],
    byDefault: "true",
    other: "no",
    switches: "false",
  },
  DOCKER_TIMEOUT: { flags: ["--docker-timeout"], byDefault: "60", other: "90" },
  INTERVAL: { flags: ["-i", "--interval"], byDefault: "300", other: "3600" },
  CRON: { flags: ["-C", "--cron"], byDefault: "", other: "*/5 * * * *" },
  GRACE: { flags: ["-G", "--grace"], byDefault: "15", other: "-1" },
  RUN_ONCE: { flags: ["-o", "--run-once"], ...on },
  DRY_RUN: { flags: ["-A", "--dry-run"], ...on },
  MONITOR_ONLY: { flags: ["-mo", "--monitor-only"], ...on },
  MONITOR: { flags: ["-m", "--monitor"], byDefault: "", other: "web db" },
  IGNORE: { flags: ["-n", "--ignore"], byDefault: "", other: "web db" },
  LABEL_ENABLE: { flags: ["-k", "--label-enable"], ...on },
  LABELS_ONLY: { flags: ["-M", "--labels-only"], ...on },
  CLEANUP: { flags: ["-c", "--cleanup"], ...on },
  CLEANUP_UNUSED_VOLUMES: { flags: [], byDefault: "false", other: "true" },
  LATEST_ONLY: { flags: ["-L", "--latest-only"], ...on },
  REPO_USER: { flags: ["-r", "--repo-user"], byDefault: "", other: "ann" },
  REPO_PASS: { flags: ["-R", "--repo-pass"], byDefault: "", other: "secret" },
  SELF_UPDATE: { flags: ["-u", "--self-update"], ...on },
  SWARM: { flags: ["-S", "--swarm"], ...on },
  NOTIFIERS: { flags: ["-N", "--notifiers"], byDefault: "", other: "json://10.0.0.1 mailto://a:b@c.example" },
  SKIP_STARTUP_NOTIFICATIONS: { flags: ["--skip-startup-notifications"], ...on },
  LANGUAGE: { flags: ["-la", "--language"], byDefault: "en", other: "es_ES" },
  TZ: { flags: ["-tz", "--timezone"], byDefault: "UTC", other: "Europe/Berlin" },
  DATA_EXPORT: { flags: ["-D", "--data-export"], byDefault: "", other: "prometheus" },
  PROMETHEUS_ADDR: { flags: ["-a", "--prometheus-addr"], byDefault: "127.0.0.1", other: "0.0.0.0" },
  PROMETHEUS_PORT: { flags: ["-p", "--prometheus-port"], byDefault: "8000", other: "9000" },
  INFLUX_URL: { flags: ["-I", "--influx-url"], byDefault: "127.0.0.1", other: "influx.example" },
  INFLUX_PORT: { flags: ["-P", "--influx-port"], byDefault: "8086", other: "8087" },
  INFLUX_USERNAME: { flags: ["-U", "--influx-username"], byDefault: "root", other: "ann" },
  INFLUX_PASSWORD: { flags: ["-x", "--influx-password"], byDefault: "root", other: "secret" },
  INFLUX_DATABASE: { flags: ["-X", "--influx-database"], byDefault: "", other: "updates" },
  INFLUX_SSL: { flags: ["-s", "--influx-ssl"], ...on },
  INFLUX_VERIFY_SSL: { flags: ["-V", "--influx-verify-ssl"], ...on },
  SAVE_COUNTERS: { flags: ["-sc", "--save-counters"], ...on },
  HOSTNAME: { flags: [], byDefault: "", other: "web01" },
  LOG_LEVEL: { flags: ["-l", "--log-level"], byDefault: "info", other: "critical" },
} as const satisfies Readonly<Record<string, Option>>;

/** In its list of options, but read by nobody there: passed over, as there. */
export const idle = ["PROMETHEUS"] as const;
