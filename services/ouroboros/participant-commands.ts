// The rows of the table of commands about who is asked. Pure.
import { z } from "zod";
import { hookNames } from "../../shared/hooks.ts";
import { OnTimeout, isReserved } from "../../shared/participants.ts";
import { count, duration } from "../../shared/setting-values.ts";
import { NamedParticipant, UnreadableParticipant, ShownParticipant, TestedParticipant } from "./answers.ts";
import type { Command } from "./command.ts";
import { NAME, hookList, list, name, some } from "./command-values.ts";

export const participantCommands = {
  "participant add": {
    says: "Adds who must be asked before something is done.",
    more:
      "A participant is asked at each event of its hooks on its hosts and waited for: at most --timeout since the event " +
      "or its last sign of progress, and --max in all. It takes its events from the consumer `gate_NAME` of the stream " +
      "OUROBOROS_HOOKS.",
    arguments: {
      NAME: {
        says: "Letters, digits, _ and -.",
        read: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,64}$/, "allowed are letters, digits, _ and -, 64 at most")
          .refine((text) => !isReserved(text), "is reserved for a part of Ouroboros"),
      },
    },
    options: {
      hooks: {
        value: "HOOK[,HOOK...]",
        read: hookList,
        required: true,
        offers: hookNames,
        says: "Where it is asked.",
      },
      hosts: {
        value: "HOST[,HOST...]",
        // Filters of one consumer may not overlap, so "all" swallows the others.
        read: list.transform((hosts) => (hosts.includes("*") ? ["*"] : hosts)),
        byDefault: "*",
        offers: "hosts",
        says: "On which hosts; `*` is all.",
      },
      timeout: {
        value: "DURATION",
        read: some,
        byDefault: "10m",
        says: "Since the event or its last progress.",
      },
      max: {
        value: "DURATION",
        read: some,
        says: "However often it reports progress; 1h, or --timeout where that is more.",
      },
      "on-timeout": {
        value: "defer|refuse|proceed",
        read: OnTimeout,
        byDefault: "defer",
        offers: OnTimeout.options,
        says: "What running out of time counts as.",
      },
      containers: {
        value: "NAME[,NAME...]",
        read: list,
        offers: "containers",
        says: "Only about these containers; `*` and `?` stand for any characters and for one.",
      },
      labels: {
        value: "KEY[=VALUE][,KEY...]",
        read: list,
        says: "Only about containers that bear one of these labels.",
      },
      advisory: { says: "Its verdict is recorded, and decides nothing." },
      group: {
        value: "GROUP",
        read: name,
        says: "Participants of the same group speak with one voice.",
      },
      needs: {
        value: "NUMBER",
        read: count,
        says: "How many of its group have to say proceed; all without it.",
      },
    },
    json: { schema: NamedParticipant },
  },
  "participant list": {
    says: "Who must be asked.",
    json: { schema: z.array(z.union([NamedParticipant, UnreadableParticipant])) },
  },
  "participant show": {
    says: "One participant: what it is asked, whether it listens, and what it said last.",
    arguments: { NAME },
    json: { schema: ShownParticipant },
  },
  "participant remove": {
    says: "Nobody waits for it any more, and its consumer is gone.",
    arguments: { NAME },
    json: { schema: z.object({ removed: z.string() }) },
  },
  "participant test": {
    says: "Checks whether a participant can and does answer, and says what to do where it does not.",
    more:
      "Looks at its entry, its consumer, whether anybody pulls, and at its last verdicts. Publishes nothing: an event of " +
      "a hook is true for everyone who hears it, so there is none for a test.",
    arguments: { NAME },
    options: {
      wait: {
        value: "DURATION",
        read: duration,
        byDefault: "5s",
        says: "How long it may take until it is seen pulling.",
      },
    },
    json: { schema: TestedParticipant },
  },
} as const satisfies Readonly<Record<string, Command>>;
