// DATA_EXPORT=prometheus: counts what the streams tell, looks at the hosts' entries when it is scraped, and serves both.
import { explain } from "../../shared/errors.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { kindOfEnd } from "../../shared/contract/update-end.ts";
import { AbsentHosts } from "../../shared/absent-hosts.ts";
import { type RunRecordReader, makeRunRecordReader } from "../../shared/nats/run-record-reader.ts";
import { OWN_VERSION } from "../../shared/runtime/own-version.ts";
import { type Observing, follow } from "../../shared/runtime/run-observer.ts";
import { type FleetFigures, FleetReader } from "./fleet.ts";
import { MAX_SERIES, type SampledName } from "./metrics-table.ts";
import { serveMetrics } from "./metrics-server.ts";
import { parseNotice } from "./notice-events.ts";
import { restorePending } from "./pending-at-start.ts";
import { type MetricsRegistry, makeRegistry } from "./registry.ts";
import { type Sample, readSamples } from "./sample-values.ts";
import { type CountStore, openCounts } from "./saved-counts.ts";
import { makeSocketLookUp } from "./host-socket.ts";
import { Tally } from "./tally.ts";
import { FORGET_CONTAINER_MS } from "./update-counts.ts";

interface PrometheusExport {
  readonly observing: Observing;
  readonly registry: MetricsRegistry;
  readonly reader: FleetReader;
  readonly tally: Tally;
  readonly store: CountStore;
  readonly readRecord: RunRecordReader;
}

export async function exportToPrometheus(observing: Observing): Promise<void> {
  const { settings, log } = observing;
  const registry = makeRegistry();
  const exporting: PrometheusExport = {
    ...{ observing, registry },
    reader: new FleetReader(observing),
    tally: new Tally(registry.observe),
    store: await openCounts(observing),
    readRecord: makeRunRecordReader(log),
  };
  const { hosts } = await exporting.reader.read();
  await restorePending(exporting, hosts.keys());
  const address = { address: settings.PROMETHEUS_ADDR, port: settings.PROMETHEUS_PORT };
  await using _server = await serveMetrics(address, {
    contentType: registry.contentType,
    print: makePrinter(exporting),
    failed: (err) => log.error({ err }, "the metrics cannot be printed"),
    cannotAccept: (err) =>
      log.warn({ because: explain(err) }, "a connection for /metrics could not be accepted"),
  });
  log.info(address, "serving /metrics");
  await Promise.all([followNotices(exporting), followJournal(exporting)]);
}

const followNotices = ({ observing, tally, store }: PrometheusExport): Promise<void> =>
  follow(observing, STREAMS.hooks, async (message) => {
    const event = parseNotice(message);
    if (event === undefined) return;
    tally.addNotice(event);
    if (event.notice !== "update_finished" || kindOfEnd(event.data) !== "updated") return;
    await store.count(event.id, {
      host: event.host,
      container: event.data.name,
      at: Date.parse(event.time),
    });
  });

const followJournal = ({ observing, tally, readRecord }: PrometheusExport): Promise<void> =>
  follow(observing, STREAMS.runs, (message) => {
    const record = message.subject.endsWith(".open") ? undefined : readRecord(message);
    if (record !== undefined) tally.addRecord(record);
    return Promise.resolve();
  });

function makePrinter(exporting: PrometheusExport): () => Promise<string> {
  const { observing, registry, reader, tally, store } = exporting;
  const { clock, settings } = observing;
  const socketOf = makeSocketLookUp(settings);
  const absent = new AbsentHosts(clock);
  const warnOnce = makeLimitWarning(observing);
  return async () => {
    const fleet = await reader.read();
    forgetWhatIsGone(exporting, fleet, absent);
    const samples = readSamples({
      ...{ version: OWN_VERSION, now: clock.now(), fleet, tally, counts: store.counts },
      socketOf: (host) => socketOf(host, fleet.hosts.get(host)),
    });
    warnOnce(samples);
    return registry.print(samples);
  };
}

/** A host whose name was freed goes after a while, and with it all that is counted for it. */
function forgetWhatIsGone(
  { observing, registry, tally, store }: PrometheusExport,
  fleet: FleetFigures,
  absent: AbsentHosts,
): void {
  if (!fleet.isCurrent) return;
  const counted = new Set([...tally.hosts, ...store.counts.hosts]);
  for (const host of absent.findGone(counted, fleet.hosts)) {
    tally.forgetHost(host);
    store.counts.forgetHost(host);
    registry.forgetHost(host);
    void store.remove(host);
  }
  store.counts.forgetContainersBefore(observing.clock.now() - FORGET_CONTAINER_MS);
}

/** Says once that series are left out. */
function makeLimitWarning({
  log,
}: Observing): (samples: ReadonlyMap<SampledName, readonly Sample[]>) => void {
  let isLogged = false;
  return (samples) => {
    const leftOut = samples.get("ouroboros_series_left_out")?.[0]?.value ?? 0;
    if (leftOut > 0 && !isLogged)
      log.warn(
        { limit: MAX_SERIES, left_out: leftOut },
        "too many series; those beyond the limit are not served",
      );
    isLogged ||= leftOut > 0;
  };
}
