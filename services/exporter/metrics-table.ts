// The table of metrics: name, type, meaning, labels. The registry and docs/metrics.md are made from it; sample-values.ts
// has the values. Pure.

export interface Metric {
  readonly type: "counter" | "gauge" | "histogram";
  readonly says: string;
  readonly labels: readonly string[];
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[];
}

export const metrics = {
  containers_updated_total: {
    type: "counter",
    says: "Updates of each container. As in Ouroboros 1.",
    labels: ["socket", "container"],
  },
  containers_being_monitored: {
    type: "gauge",
    says: "Containers for which a registry is asked. As in Ouroboros 1.",
    labels: ["socket"],
  },
  all_containers_updated: {
    type: "gauge",
    says: "Updates of all containers. As in Ouroboros 1.",
    labels: ["socket"],
  },
  ouroboros_build_info: {
    type: "gauge",
    says: "Always 1; the version of the exporter.",
    labels: ["version"],
  },
  ouroboros_nats_up: {
    type: "gauge",
    says: "1 where NATS answered at the last look; 0 where the values about hosts are those from before.",
    labels: [],
  },
  ouroboros_host_info: {
    type: "gauge",
    says: "Always 1, for each host: the version of its poller and of the Engine's API, and its mode (`update`, `monitor`, `dry_run`).",
    labels: ["host", "version", "api_version", "mode"],
  },
  ouroboros_host_last_seen_timestamp_seconds: {
    type: "gauge",
    says: "When the host's poller last reached both its Engine and NATS.",
    labels: ["host"],
  },
  ouroboros_last_poll_timestamp_seconds: {
    type: "gauge",
    says: "When the host's last poll ended.",
    labels: ["host"],
  },
  ouroboros_next_poll_timestamp_seconds: {
    type: "gauge",
    says: "When the next poll is due; absent where none is scheduled.",
    labels: ["host"],
  },
  ouroboros_containers_monitored: {
    type: "gauge",
    says: "Containers for which a registry was asked at the last poll.",
    labels: ["host"],
  },
  ouroboros_registry_errors: {
    type: "gauge",
    says: "Containers for which no registry gave a digest at the last poll.",
    labels: ["host"],
  },
  ouroboros_registry_requests_remaining: {
    type: "gauge",
    says: "How many more requests the registry allows, as it said last; absent where that is too long ago to count.",
    labels: ["host", "registry"],
  },
  ouroboros_held_containers: {
    type: "gauge",
    says: "Containers with an image that is held.",
    labels: ["host"],
  },
  ouroboros_update_ends_total: {
    type: "counter",
    says: "How updates ended: `updated`, `refused`, `deferred`, `rolled_back`, `failed`, `expired`, `stuck`, `noted`, `current`; `rolled_back_by_operator` is `ouroboros rollback`, which no metric counts as an update.",
    labels: ["host", "end"],
  },
  ouroboros_pending_gates: {
    type: "gauge",
    says: "Gates that wait for a verdict now.",
    labels: ["host", "hook"],
  },
  ouroboros_pending_since_timestamp_seconds: {
    type: "gauge",
    says: "Since when the gate waits that has waited longest; absent where none waits.",
    labels: ["host", "hook"],
  },
  ouroboros_container_downtime_seconds: {
    type: "histogram",
    says: "How long containers were down for an update.",
    labels: ["host"],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900],
  },
  ouroboros_run_duration_seconds: {
    type: "histogram",
    says: "How long runs took.",
    labels: ["host"],
    buckets: [1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 21_600],
  },
  ouroboros_hook_wait_seconds: {
    type: "histogram",
    says: "How long a gate waited for its verdicts, by hook.",
    labels: ["hook"],
    buckets: [0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400],
  },
  ouroboros_updates_available: {
    type: "gauge",
    says: "1 for each container with a newer image that is not held; at most 200 of a host.",
    labels: ["host", "container"],
  },
  ouroboros_series_left_out: {
    type: "gauge",
    says: "Series beyond the limit of 20,000, which are not served.",
    labels: [],
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;
type NamesOf<T extends Metric["type"]> = {
  [N in MetricName]: (typeof metrics)[N]["type"] extends T ? N : never;
}[MetricName];
export type HistogramName = NamesOf<"histogram">;
/** Counters and gauges: what has one value for each combination of labels. */
export type SampledName = NamesOf<"counter" | "gauge">;
export const metricNames = Object.keys(metrics) as readonly MetricName[];

/** At most so many series of counters and gauges are served. */
export const MAX_SERIES = 20_000;
