// The observers that come with Ouroboros: services that read what happens and hold up nothing. A new one is a row here,
// a folder in services/ and its line in cli/services.ts; its user at NATS, its consumers and its place in the program of
// a single container follow from the row. Pure.
import type { Settings } from "../settings/settings.ts";

export interface Observer {
  readonly says: string;
  /** Whether the settings ask for it. The program that runs all services starts it only then. */
  readonly isWanted: (settings: Settings) => boolean;
  /** Commands to the pollers that it may send, as an operator does. */
  readonly commands: readonly string[];
  /** It reads neither events nor the journal: it only sends its commands. */
  readonly reads?: false;
  /** Its users decide as an operator does: verdicts, snoozed notifications. It may read what that takes. */
  readonly decides?: true;
}

export const observers = {
  notifier: {
    says: "Sends notifications.",
    isWanted: ({ NOTIFIERS }) => NOTIFIERS.length > 0,
    commands: [],
  },
  exporter: {
    says: "Serves metrics.",
    isWanted: ({ DATA_EXPORT }) => DATA_EXPORT !== undefined,
    commands: [],
  },
  "home-assistant": {
    says: "Shows containers in Home Assistant, by MQTT.",
    isWanted: ({ MQTT_URL }) => MQTT_URL !== "",
    commands: ["update"],
  },
  push: {
    says: "Takes the notifications of registries, and has the pollers look at what was pushed.",
    isWanted: ({ PUSH_SECRET }) => PUSH_SECRET !== "",
    commands: ["hint"],
    reads: false,
  },
  dashboard: {
    says: "Serves the page on which people see what waits, and decide.",
    isWanted: ({ DASHBOARD }) => DASHBOARD,
    commands: ["status", "look", "update", "rollback"],
    decides: true,
  },
} as const satisfies Record<string, Observer>;

export type ObserverName = keyof typeof observers;
export const observerNames = Object.keys(observers) as readonly ObserverName[];
/** A name that no row has is that of an observer of a later version, which is taken to read. */
export const readsEvents = (name: string): boolean =>
  !Object.hasOwn(observers, name) || !("reads" in observers[name as ObserverName]);
