// The connection to the MQTT broker. It reconnects by itself. While it is down only the topics to remove are kept: at each
// connection they are removed, and everything else is published anew.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { Logger } from "pino";
import type { Clock } from "../../shared/clock.ts";
import { CannotStart, explain } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { observerErrors } from "../../shared/catalogue/start-errors.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import { OFFLINE, ONLINE, availabilityTopic, commandFilter } from "./discovery.ts";

const RECONNECT_MS = 2000;
/** How long the last messages may take when the service stops. */
const FAREWELL_MS = 2000;
const RETAINED = { qos: 1, retain: true } as const;

export interface CommandMessage {
  readonly topic: string;
  readonly payload: string;
  /** The broker has kept it from an earlier time. */
  readonly isRetained: boolean;
}

type BrokerSettings = Pick<Settings, "MQTT_URL" | "MQTT_CA" | "MQTT_DISCOVERY_PREFIX">;

/** How the broker is reached. Holds the password. */
export type BrokerAccess = IClientOptions;

interface BrokerOptions {
  readonly settings: BrokerSettings;
  readonly access: BrokerAccess;
  readonly log: Logger;
  readonly clock: Clock;
  /** Publishes everything; called at each connection. */
  readonly onConnect: () => void;
  readonly onCommand: (command: CommandMessage) => void;
}

export class Broker implements AsyncDisposable {
  readonly #client: MqttClient;
  readonly #options: BrokerOptions;
  /** The last message on each topic, in this connection. */
  readonly #published = new Map<string, string>();
  /** Topics to remove, until the broker has confirmed it; with what to do then. */
  readonly #toRemove = new Map<string, () => void>();
  #isLogged = false;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#client = mqtt.connect(options.access);
    this.#client.on(
      "connect",
      () => void this.#greet().catch((err: unknown) => options.log.error({ err }, CANNOT_GREET)),
    );
    this.#client.on("error", (error) => this.#logAway(whyFailed(error)));
    this.#client.on("close", () => this.#logAway("the connection was closed"));
    this.#client.on("message", (topic, payload, { retain }) =>
      options.onCommand({ topic, payload: payload.toString("utf8", 0, MAX_COMMAND), isRetained: retain }),
    );
  }

  /** Publishes a retained message, unless it is the topic's last one already. */
  publish(topic: string, payload: string): void {
    this.#toRemove.delete(topic);
    this.#send(topic, payload);
  }

  /** Removes the topic's message, at the next connection where there is none. A later `publish` revokes it. */
  remove(topic: string, removed: () => void): void {
    this.#toRemove.set(topic, removed);
    this.#sendRemoval(topic, removed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, settings } = this.#options;
    this.#isLogged = true;
    const limit = new AbortController();
    if (this.#client.connected)
      await Promise.race([
        this.#client
          .publishAsync(availabilityTopic(settings.MQTT_DISCOVERY_PREFIX), OFFLINE, RETAINED)
          .catch(() => undefined),
        clock.sleep(FAREWELL_MS, limit.signal),
      ]);
    limit.abort();
    await this.#client.endAsync(true);
  }

  #send(topic: string, payload: string, done?: () => void): void {
    if (!this.#client.connected || this.#published.get(topic) === payload) return;
    this.#published.set(topic, payload);
    this.#client.publish(topic, payload, RETAINED, (error) => {
      if (error) this.#published.delete(topic);
      else done?.();
    });
  }

  #sendRemoval(topic: string, removed: () => void): void {
    this.#published.delete(topic); // also where it was removed before: only the broker's answer tells
    this.#send(topic, "", () => {
      if (this.#toRemove.get(topic) !== removed) return;
      this.#toRemove.delete(topic);
      removed();
    });
  }

  async #greet(): Promise<void> {
    const { settings, log, onConnect } = this.#options;
    log.info({ broker: brokerText(settings) }, "connected to MQTT");
    this.#isLogged = false;
    this.#published.clear();
    const filter = commandFilter(settings.MQTT_DISCOVERY_PREFIX);
    const granted = await this.#client.subscribeAsync(filter, { qos: 1 }).catch((error: unknown) => {
      log.error({ topic: filter, because: explain(error) }, CANNOT_HEAR);
      return [];
    });
    if (granted.some(({ qos }) => (qos as number) >= REFUSED))
      log.error({ topic: filter, because: "the broker does not allow it" }, CANNOT_HEAR);
    for (const [topic, removed] of this.#toRemove) this.#sendRemoval(topic, removed);
    try {
      onConnect();
    } catch (err) {
      log.error({ err }, CANNOT_GREET);
    }
    this.publish(availabilityTopic(settings.MQTT_DISCOVERY_PREFIX), ONLINE);
  }

  /** Once for each time that the broker is away. */
  #logAway(because: string): void {
    const { log, settings } = this.#options;
    if (!this.#isLogged)
      log.warn(
        { broker: brokerText(settings), because },
        "MQTT is away; it is tried again, and updates go on",
      );
    this.#isLogged = true;
  }
}

const MAX_COMMAND = 100;
/** MQTT 3.1.1, section 3.9.3: the return code of a subscription that is refused. */
const REFUSED = 128;
const CANNOT_GREET = "not everything could be published after MQTT was connected";
const CANNOT_HEAR = "the topics of the install buttons cannot be subscribed to: the buttons have no effect";

/** Without user and password. */
function brokerText({ MQTT_URL }: Pick<Settings, "MQTT_URL">): string {
  const { protocol, host } = new URL(MQTT_URL);
  return `${protocol}//${host}`;
}

/** A name with several addresses fails with an error that has a code and no message. */
const whyFailed = (error: Error & { readonly code?: string | number }): string =>
  explain(error) || String(error.code ?? error.name);

/** @throws CannotStart where MQTT_CA cannot be read. */
export async function readBrokerAccess({
  MQTT_URL,
  MQTT_CA,
  MQTT_DISCOVERY_PREFIX,
}: BrokerSettings): Promise<BrokerAccess> {
  const url = new URL(MQTT_URL);
  const isTls = url.protocol === "mqtts:";
  const ca = MQTT_CA === "" ? undefined : await readFile(MQTT_CA).catch(rejectCa);
  return {
    protocol: isTls ? "mqtts" : "mqtt",
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port) || (isTls ? 8883 : 1883),
    ...(url.username !== "" && { username: decodeURIComponent(url.username) }),
    ...(url.password !== "" && { password: decodeURIComponent(url.password) }),
    ...(isTls && ca !== undefined && { ca }),
    protocolVersion: 4, // what every broker speaks; nats-server no newer one
    clientId: `ouroboros-${randomUUID()}`,
    clean: true,
    resubscribe: false,
    queueQoSZero: false,
    reconnectPeriod: RECONNECT_MS,
    reconnectOnConnackError: true,
    will: {
      topic: availabilityTopic(MQTT_DISCOVERY_PREFIX),
      payload: Buffer.from(OFFLINE),
      ...RETAINED,
    },
  };
}

function rejectCa(error: unknown): never {
  throw new CannotStart(messageOf(observerErrors.mqttCertificate, { because: explain(error) }), {
    cause: error,
  });
}
