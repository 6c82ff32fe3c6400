// The rows of the command table about a host as a whole. Pure.
import type { Command } from "./command.ts";
import { nonEmptyText } from "./argument-types.ts";

export const hostCommands = {
  "host forget": {
    says: "Takes a host that is gone for good off the list, with what is held and kept for it.",
    more:
      "Deletes its entry in OUROBOROS_HOSTS, what is held for its containers in OUROBOROS_HELD, and the consumers of its updater " +
      "and hook-executor, and says what it deleted. Its name is then free for another Engine. What its journal and events say stays, " +
      "as long as the streams keep it. A host on which a service of Ouroboros still answers is refused without --force; it is back " +
      "as soon as one of them starts again. Its keys stay: `ouroboros nats-config write FOLDER --remove NAME` takes them away.",
    arguments: { NAME: { says: "Name of the host.", read: nonEmptyText, offers: "hosts" } },
    options: { force: { says: "Although a service of it still answers." } },
    json: true,
  },
} as const satisfies Readonly<Record<string, Command>>;
