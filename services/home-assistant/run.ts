// Shows the containers in Home Assistant, and in anything else that speaks MQTT: an `update` entity for each, with its
// version, a newer one, and an install button. discovery.ts says what is published, host-state.ts what is known.
import type { JsMsg } from "@nats-io/jetstream";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { settingErrors } from "../../shared/catalogue/start-errors.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { CannotStart, Suspended } from "../../shared/errors.ts";
import { retryUntilAnswered } from "../../shared/nats/jetstream.ts";
import { makeRunRecordReader } from "../../shared/nats/run-record-reader.ts";
import { type Observing, follow, observerService } from "../../shared/runtime/run-observer.ts";
import type { Service } from "../../shared/runtime/run-service.ts";
import { Bridge } from "./bridge.ts";
import { type BrokerAccess, readBrokerAccess } from "./broker.ts";
import { followHostEntries } from "./host-entries.ts";
import { Memory, type RememberedHosts } from "./memory.ts";

export const runHomeAssistant: Service = async (context) => {
  if (context.settings.MQTT_URL === "")
    throw new CannotStart(
      messageOf(settingErrors.settingMissing, {
        setting: "MQTT_URL",
        value: "the MQTT broker that Home Assistant is connected to",
      }),
    );
  const access = await readBrokerAccess(context.settings);
  return observerService("home-assistant", (observing) => observe(observing, access))(context);
};

async function observe(observing: Observing, access: BrokerAccess): Promise<void> {
  const memory = new Memory(observing);
  const known = await loadHosts(observing, memory);
  if (known === undefined) return;
  await using bridge = new Bridge(observing, { access, ...known, memory });
  const readRecord = makeRunRecordReader(observing.log);
  await Promise.all([
    followHostEntries(observing, bridge),
    follow(observing, STREAMS.runs, (message) => bridge.record(readRecord(message), isLast(message))),
  ]);
}

/** Undefined where the service was stopped first. */
const loadHosts = (observing: Observing, memory: Memory): Promise<RememberedHosts | undefined> =>
  retryUntilAnswered(observing, () => memory.load()).catch((error: unknown) => {
    if (error instanceof Suspended) return undefined;
    throw error;
  });

/** Whether no further record waits, so that what a restart has to catch up with is published once. */
const isLast = ({ info }: JsMsg): boolean => info.pending === 0;
