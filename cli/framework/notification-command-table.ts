// The rows of the command table about notifications. Pure.
import type { Command } from "./command.ts";
import { nonEmptyText, positiveDuration } from "./argument-types.ts";

export const notificationCommands = {
  snooze: {
    says: "Silences the notifications about a container or an image for a while; without a name lists what is silenced.",
    more:
      "Updates go on as before. What needs a person is reported all the same: a container that is stuck, an update that waits for an " +
      "answer. NAME counts on all hosts.",
    arguments: {
      NAME: {
        says: "Name of a container, or an image reference as the container has it.",
        read: nonEmptyText.transform((text) => text.replace(/^\//, "")),
        optional: true,
        offers: "containers",
      },
    },
    options: {
      for: { value: "DURATION", read: positiveDuration, says: "For how long: `7d`, `12h`." },
      off: { says: "Ends it." },
    },
    json: true,
  },
  "notify test": {
    says: "Has the notifier send a test message to each target, and says what became of it.",
    json: true,
  },
} as const satisfies Readonly<Record<string, Command>>;
