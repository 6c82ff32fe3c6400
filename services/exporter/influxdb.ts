// DATA_EXPORT=influxdb: writes points to InfluxDB 1.x for each update, and acknowledges the event when they are written.
import { hostname } from "node:os";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import { kindOfEnd } from "../../shared/contract/update-end.ts";
import { type Observing, follow } from "../../shared/runtime/run-observer.ts";
import { FleetReader } from "./fleet.ts";
import { makeSocketLookUp } from "./host-socket.ts";
import { openInfluxdb } from "./influxdb-client.ts";
import { configurationPoint, updatePoints } from "./influxdb-points.ts";
import { InfluxdbWriter } from "./influxdb-writer.ts";
import { type FinishedNotice, parseNotice } from "./notice-events.ts";
import { signalAtEnd } from "../../shared/runtime/read-to-end.ts";
import { type CountStore, openCounts } from "./saved-counts.ts";

interface InfluxExport {
  readonly observing: Observing;
  readonly writer: InfluxdbWriter;
  readonly reader: FleetReader;
  readonly store: CountStore;
  readonly socketOf: ReturnType<typeof makeSocketLookUp>;
}

export async function exportToInfluxdb(observing: Observing): Promise<void> {
  const { settings, log, clock } = observing;
  const client = openInfluxdb(settings);
  if (settings.INFLUX_SSL && !settings.INFLUX_VERIFY_SSL)
    log.warn({ influxdb: client.address }, "INFLUX_VERIFY_SSL is off: InfluxDB's certificate is not checked");
  const writer = new InfluxdbWriter({ client, log, clock });
  await writer.check();
  const exporting: InfluxExport = {
    ...{ observing, writer, reader: new FleetReader(observing), store: await openCounts(observing) },
    socketOf: makeSocketLookUp(settings),
  };
  const signal = signalAtEnd({
    ...observing,
    stream: STREAMS.hooks,
    durable: consumers.reader(observing.name),
  });
  await follow({ ...observing, signal }, STREAMS.hooks, async (message, until) => {
    const event = parseNotice(message);
    if (event?.notice === "update_finished" && kindOfEnd(event.data) === "updated")
      await writeUpdate(exporting, event, until);
  });
}

/** An event that is delivered again writes the same points again, at the same time: InfluxDB has them once. */
async function writeUpdate(
  { observing, writer, reader, store, socketOf }: InfluxExport,
  { id, host, time, data }: FinishedNotice & { readonly notice: "update_finished" },
  until: AbortSignal,
): Promise<void> {
  const at = Date.parse(time);
  await store.count(id, { host, container: data.name, at });
  const known = (await reader.read()).hosts.get(host);
  const entry = known?.cycle === undefined ? (await reader.readAnew()).hosts.get(host) : known;
  const points = updatePoints({
    ...{ host, socket: socketOf(host, entry), container: data.name },
    ...{ monitored: entry?.cycle?.monitored ?? 0, updated: store.counts.totalOf(host) },
  });
  await writer.write(points, at, until);
  const { settings } = observing;
  await writer.write([configurationPoint(settings, settings.HOSTNAME || hostname())], at, until);
}
