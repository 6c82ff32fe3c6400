// Shows the containers in Home Assistant, and in anything else that speaks MQTT: an `update` entity for each, with its
// version, a newer one, and an install button. discovery.ts says what is published, host-state.ts what is known.
import type { JsMsg } from "@nats-io/jetstream";
import { BUCKETS, STREAMS } from "../../shared/contract/subjects.ts";
import { CannotStart, explain } from "../../shared/errors.ts";
import { makeRunRecordReader } from "../../shared/nats/run-record-reader.ts";
import { type Observing, follow, observerService } from "../../shared/runtime/run-observer.ts";
import type { Service } from "../../shared/runtime/run-service.ts";
import { Bridge } from "./bridge.ts";
import { type BrokerAccess, readBrokerAccess } from "./broker.ts";
import { followHostEntries } from "./host-entries.ts";
import { Memory } from "./memory.ts";

export const runHomeAssistant: Service = async (context) => {
  if (context.settings.MQTT_URL === "")
    throw new CannotStart("MQTT_URL is not set: the MQTT broker that Home Assistant is connected to");
  const access = await readBrokerAccess(context.settings);
  return observerService("home-assistant", (observing) => observe(observing, access))(context);
};

async function observe(observing: Observing, access: BrokerAccess): Promise<void> {
  const memory = new Memory(observing);
  const hosts = await loadPatiently(observing, memory);
  if (hosts === undefined) return;
  await using bridge = new Bridge(observing, { access, hosts, memory });
  const readRecord = makeRunRecordReader(observing.log);
  await Promise.all([
    followHostEntries(observing, bridge),
    follow(observing, STREAMS.runs, (message) => bridge.record(readRecord(message), isLast(message))),
  ]);
}

const RETRY_MS = 1000;
/** At the first start of all services the updater may be about to create the bucket. */
const PATIENCE_MS = 10_000;

/** Undefined where the service was stopped first. */
async function loadPatiently(
  { clock, log, signal }: Observing,
  memory: Memory,
): Promise<Awaited<ReturnType<Memory["load"]>> | undefined> {
  const since = clock.monotonic();
  for (let isLogged = false; !signal.aborted;) {
    try {
      return await memory.load();
    } catch (error) {
      const isLate = clock.monotonic() - since >= PATIENCE_MS;
      if (isLate && !isLogged)
        log.warn(
          { bucket: BUCKETS.observers, because: explain(error) },
          "waiting for NATS to give what is remembered of the hosts; where the bucket is missing, start an updater of this version, or run `ouroboros nats-config prepare`",
        );
      isLogged ||= isLate;
      await clock.sleep(RETRY_MS, signal);
    }
  }
  return undefined;
}

/** Whether no further record waits, so that what a restart has to catch up with is published once. */
const isLast = ({ info }: JsMsg): boolean => info.pending === 0;
