// The values of all counters and gauges at one scrape. Pure.
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import { endKinds } from "../../shared/contract/update-end.ts";
import type { FleetFigures } from "./fleet.ts";
import { MAX_SERIES, type SampledName } from "./metrics-table.ts";
import { socketLabel } from "./socket-label.ts";
import type { PendingGate, Tally } from "./tally.ts";
import type { UpdateCounts } from "./update-counts.ts";

export interface ScrapeState {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly fleet: FleetFigures;
  readonly tally: Tally;
  readonly counts: UpdateCounts;
  /** The Engine of a host, as its poller or these settings name it. */
  readonly socketOf: (host: string) => string;
}

export interface Sample {
  /** Values of the labels, in the order of the table. */
  readonly labels: readonly string[];
  readonly value: number;
}

type Read = (state: ScrapeState) => readonly Sample[];

/** One sample for each host for which there is a value. */
const ofHosts =
  (valueOf: (entry: HostEntry, host: string, state: ScrapeState) => number | null | undefined): Read =>
  (state) =>
    [...state.fleet.hosts].flatMap(([host, entry]) => {
      const value = valueOf(entry, host, state);
      return value === null || value === undefined ? [] : [{ labels: [host], value }];
    });

const seconds = (time: string | null | undefined): number | null =>
  time === null || time === undefined ? null : Date.parse(time) / 1000;

/** Several hosts may have Engines of the same name, as `unix://var/run/docker.sock`: they are added up. */
function sumBy(samples: readonly Sample[]): readonly Sample[] {
  const sums = new Map<string, Sample>();
  for (const { labels, value } of samples) {
    const key = JSON.stringify(labels);
    sums.set(key, { labels, value: value + (sums.get(key)?.value ?? 0) });
  }
  return [...sums.values()];
}

/** Those of hosts that have an entry: nobody decides a gate of a host that is forgotten. */
const pendingGates = ({ tally, fleet }: ScrapeState): readonly PendingGate[] =>
  [...tally.pending].filter(({ host }) => fleet.hosts.has(host));

const readers: Readonly<Record<Exclude<SampledName, "ouroboros_series_left_out">, Read>> = {
  containers_updated_total: ({ counts, socketOf }) =>
    sumBy(
      [...counts.containers].map(({ host, container, count }) => ({
        labels: [socketLabel(socketOf(host)), container],
        value: count,
      })),
    ),
  containers_being_monitored: ({ fleet, socketOf }) =>
    sumBy(
      [...fleet.hosts].flatMap(([host, { cycle }]) =>
        cycle === undefined ? [] : [{ labels: [socketLabel(socketOf(host))], value: cycle.monitored }],
      ),
    ),
  all_containers_updated: ({ fleet, counts, socketOf }) =>
    sumBy(
      [...new Set([...fleet.hosts.keys(), ...counts.hosts])].map((host) => ({
        labels: [socketLabel(socketOf(host))],
        value: counts.totalOf(host),
      })),
    ),
  ouroboros_build_info: ({ version }) => [{ labels: [version], value: 1 }],
  ouroboros_nats_up: ({ fleet }) => [{ labels: [], value: fleet.isCurrent ? 1 : 0 }],
  ouroboros_host_info: ({ fleet }) =>
    [...fleet.hosts].map(([host, { versions, cycle }]) => ({
      labels: [host, versions.ouroboros, versions.api, cycle?.mode ?? ""],
      value: 1,
    })),
  ouroboros_host_last_seen_timestamp_seconds: ofHosts(({ last_seen }) => seconds(last_seen)),
  ouroboros_last_poll_timestamp_seconds: ofHosts(({ last_poll }) => seconds(last_poll)),
  ouroboros_next_poll_timestamp_seconds: ofHosts(({ cycle }) => seconds(cycle?.next_poll)),
  ouroboros_containers_monitored: ofHosts(({ cycle }) => cycle?.monitored),
  ouroboros_registry_errors: ofHosts(({ cycle }) => cycle?.unanswered),
  ouroboros_registry_requests_remaining: ({ fleet, now }) =>
    [...fleet.hosts].flatMap(([host, { budgets = {} }]) =>
      Object.entries(budgets)
        .filter(([, { at, window_s }]) => window_s === null || Date.parse(at) + window_s * 1000 > now)
        .map(([registry, { remaining }]) => ({ labels: [host, registry], value: remaining })),
    ),
  ouroboros_held_containers: ofHosts((_, host, { fleet }) => fleet.held.get(host) ?? 0),
  ouroboros_update_ends_total: ({ fleet, tally }) =>
    [...new Set([...fleet.hosts.keys(), ...tally.ends.keys()])].flatMap((host) =>
      endKinds.map((end) => ({
        labels: [host, end],
        value: tally.ends.get(host)?.get(end) ?? 0,
      })),
    ),
  ouroboros_pending_gates: (state) =>
    sumBy(pendingGates(state).map(({ host, hook }) => ({ labels: [host, hook], value: 1 }))),
  ouroboros_pending_since_timestamp_seconds: (state) => {
    const oldest = new Map<string, Sample>();
    for (const { host, hook, since } of pendingGates(state)) {
      const known = oldest.get(`${host} ${hook}`)?.value ?? Number.POSITIVE_INFINITY;
      oldest.set(`${host} ${hook}`, { labels: [host, hook], value: Math.min(known, since / 1000) });
    }
    return [...oldest.values()];
  },
  ouroboros_updates_available: ({ fleet }) =>
    [...fleet.hosts].flatMap(([host, { cycle }]) =>
      [...new Set(cycle?.updates.map(({ container }) => container))].map((container) => ({
        labels: [host, container],
        value: 1,
      })),
    ),
};

/** What is served; what is beyond the limit is left out, container by container and host by host. */
export function readSamples(state: ScrapeState): ReadonlyMap<SampledName, readonly Sample[]> {
  const samples = new Map<SampledName, readonly Sample[]>();
  let room = MAX_SERIES;
  let leftOut = 0;
  for (const [name, all] of byNumber(state)) {
    const served = all.slice(0, room);
    samples.set(name, served);
    room -= served.length;
    leftOut += all.length - served.length;
  }
  return samples.set("ouroboros_series_left_out", [{ labels: [], value: leftOut }]);
}

/** The metrics with few series first, so that the limit takes none of them. */
const byNumber = (state: ScrapeState): (readonly [SampledName, readonly Sample[]])[] =>
  Object.entries(readers)
    .map(([name, read]) => [name as SampledName, read(state)] as const)
    .sort(([, one], [, other]) => one.length - other.length);
