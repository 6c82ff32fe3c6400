// The services that the program can be started as. Apart from the table of commands, so that a service starts without
// it. Pure.
import { type ObserverName, observerNames, observers } from "../../shared/contract/observers.ts";

const hostServices = {
  poller: "Finds updates.",
  updater: "Makes them.",
  "hook-executor": "Runs the host's hook scripts.",
  webhook: "Asks an HTTP endpoint.",
} as const;
export type ServiceName = keyof typeof hostServices | ObserverName;

/** The services, which run until they are stopped. Their options are the settings. */
export const services: Readonly<Record<ServiceName, string>> = {
  ...hostServices,
  ...(Object.fromEntries(observerNames.map((name) => [name, observers[name].says])) as Record<
    ObserverName,
    string
  >),
};

export const isService = (word: string): word is ServiceName => Object.hasOwn(services, word);
