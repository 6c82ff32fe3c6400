// The options of Ouroboros 1.9: environment variable, command-line flags, default.

export interface Option {
  readonly flags: readonly string[];
  /** As its users write it; "" for none. */
  readonly byDefault: string;
  /** Without that option this one changes nothing. */
  readonly only?: string;
}

const off = "false";

export const options: Readonly<Record<string, Option>> = {
  DOCKER_SOCKETS: { flags: ["-d", "--docker-sockets"], byDefault: "unix://var/run/docker.sock" },
  DOCKER_TLS: { flags: ["-t"], byDefault: off },
  DOCKER_TLS_VERIFY: { flags: ["-T"], byDefault: "true", only: "DOCKER_TLS" },
  DOCKER_TIMEOUT: { flags: ["--docker-timeout"], byDefault: "60" },
  INTERVAL: { flags: ["-i", "--interval"], byDefault: "300" },
  CRON: { flags: ["-C", "--cron"], byDefault: "" },
  GRACE: { flags: ["-G", "--grace"], byDefault: "15", only: "CRON" },
  RUN_ONCE: { flags: ["-o", "--run-once"], byDefault: off },
  DRY_RUN: { flags: ["-A", "--dry-run"], byDefault: off },
  MONITOR_ONLY: { flags: ["-mo", "--monitor-only"], byDefault: off },
  MONITOR: { flags: ["-m"], byDefault: "" },
  IGNORE: { flags: ["-n"], byDefault: "" },
  LABEL_ENABLE: { flags: ["-k"], byDefault: off },
  LABELS_ONLY: { flags: ["-M"], byDefault: off },
  CLEANUP: { flags: ["-c", "--cleanup"], byDefault: off },
  CLEANUP_UNUSED_VOLUMES: { flags: [], byDefault: off },
  LATEST_ONLY: { flags: ["-L", "--latest-only"], byDefault: off },
  REPO_USER: { flags: ["-r"], byDefault: "" },
  REPO_PASS: { flags: ["-R"], byDefault: "" },
  SELF_UPDATE: { flags: ["-u", "--self-update"], byDefault: off },
  SWARM: { flags: ["-S", "--swarm"], byDefault: off },
  NOTIFIERS: { flags: ["-N", "--notifiers"], byDefault: "" },
  SKIP_STARTUP_NOTIFICATIONS: {
    flags: ["--skip-startup-notifications"],
    byDefault: off,
    only: "NOTIFIERS",
  },
  LANGUAGE: { flags: ["-la", "--language"], byDefault: "en", only: "NOTIFIERS" },
  TZ: { flags: ["-tz", "--timezone"], byDefault: "UTC", only: "CRON" },
  DATA_EXPORT: { flags: ["-D", "--data-export"], byDefault: "" },
  PROMETHEUS_ADDR: { flags: ["-a"], byDefault: "127.0.0.1", only: "DATA_EXPORT" },
  PROMETHEUS_PORT: { flags: ["-p"], byDefault: "8000", only: "DATA_EXPORT" },
  INFLUX_URL: { flags: ["-I"], byDefault: "127.0.0.1", only: "DATA_EXPORT" },
  INFLUX_PORT: { flags: ["-P"], byDefault: "8086", only: "DATA_EXPORT" },
  INFLUX_USERNAME: { flags: ["-U"], byDefault: "root", only: "DATA_EXPORT" },
  INFLUX_PASSWORD: { flags: ["-x"], byDefault: "root", only: "DATA_EXPORT" },
  INFLUX_DATABASE: { flags: ["-X"], byDefault: "", only: "DATA_EXPORT" },
  INFLUX_SSL: { flags: ["-s"], byDefault: off, only: "DATA_EXPORT" },
  INFLUX_VERIFY_SSL: { flags: ["-V"], byDefault: off, only: "DATA_EXPORT" },
  SAVE_COUNTERS: { flags: ["-sc"], byDefault: off, only: "SELF_UPDATE" },
  HOSTNAME: { flags: [], byDefault: "", only: "NOTIFIERS" },
  LOG_LEVEL: { flags: ["-l", "--log-level"], byDefault: "info" },
};
