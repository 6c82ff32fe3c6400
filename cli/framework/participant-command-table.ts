// The rows of the command table about participants. Pure.
import * as z from "zod";
import { hookNames, noticeNames } from "../../shared/contract/hooks.ts";
import { OnTimeout, isReserved } from "../../shared/contract/participants.ts";
import { count, duration } from "../../shared/settings/setting-values.ts";
import type { Command } from "./command.ts";
import {
  NAME,
  hookList,
  commaList,
  possiblyEmptyList,
  nonEmptyText,
  noticeList,
  positiveDuration,
} from "./argument-types.ts";

/** The filters of one consumer must not overlap, so `*` replaces all other hosts. */
const hostList = commaList.transform((hosts) => (hosts.includes("*") ? ["*"] : hosts));
const commaListOrNull = possiblyEmptyList.transform((all) => (all.length === 0 ? null : all));
const yesOrNo = z.enum(["yes", "no"], "allowed are yes, no").transform((word) => word === "yes");
const onTimeout = z.enum(OnTimeout.options, `allowed are ${OnTimeout.options.join(", ")}`);

const HOOKS = {
  value: "HOOK[,HOOK...]",
  read: hookList,
  offers: hookNames,
  says: "The hooks at which it is asked.",
} as const;
const HEARS = {
  value: "NOTICE[,NOTICE]",
  offers: noticeNames,
  says: "Notices that it gets about all containers on its hosts; no update waits for it to read them.",
} as const;
const HOSTS = {
  value: "HOST[,HOST...]",
  read: hostList,
  offers: "hosts",
  says: "The hosts on which it is asked; `*` is all.",
} as const;
const TIMEOUT = {
  value: "DURATION",
  read: positiveDuration,
  says: "How long it may take, from the event or from its last sign of progress.",
} as const;
const ON_TIMEOUT = {
  value: "defer|refuse|proceed",
  read: onTimeout,
  offers: OnTimeout.options,
  says: "Its verdict if it does not answer in time.",
} as const;

export const participantCommands = {
  "participant add": {
    says: "Adds a participant, who is asked before something is done.",
    more:
      "A participant is asked at each event of its hooks on its hosts and waited for: at most --timeout since the event " +
      "or its last sign of progress, and --max in all. It takes its events from the consumer `gate_NAME` of the stream " +
      "OUROBOROS_HOOKS, and what it hears from the consumer `notices_NAME`.",
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
      hooks: { ...HOOKS, required: true },
      hosts: { ...HOSTS, byDefault: "*" },
      timeout: { ...TIMEOUT, byDefault: "10m" },
      max: {
        value: "DURATION",
        read: positiveDuration,
        says: "How long it may take in all, whatever progress it reports; 1h by default, or --timeout if that is longer.",
      },
      "on-timeout": { ...ON_TIMEOUT, byDefault: "defer" },
      containers: {
        value: "NAME[,NAME...]",
        read: commaList,
        offers: "containers",
        says: "Only about these containers; `*` and `?` stand for any characters and for one.",
      },
      labels: {
        value: "KEY[=VALUE][,KEY...]",
        read: commaList,
        says: "Only about containers that bear one of these labels.",
      },
      advisory: { says: "Its verdict is recorded but does not count." },
      group: {
        value: "GROUP",
        read: nonEmptyText,
        says: "Participants of one group count as one.",
      },
      needs: {
        value: "NUMBER",
        read: count,
        says: "How many of its group have to say proceed; by default all.",
      },
      hears: { ...HEARS, read: noticeList },
      "by-digest": {
        says: "It is waited for at no event: its verdict is what `ouroboros approve` or `refuse` has said about the new image, and until then it defers.",
      },
    },
    json: true,
  },
  "participant set": {
    says: "Changes when a participant is asked, and how long updates wait for it. What you do not name stays as it is.",
    more:
      "It keeps its consumer, so events that it has not fetched yet are not lost. Pending events are not affected. A participant that " +
      "is not running may later get events of a new hook that are over by then. An empty value removes a choice: `--containers ''`, " +
      "`--labels ''`, `--group ''`, `--hears ''`. Without options its consumers are brought in line with its entry.",
    arguments: { NAME },
    options: {
      hooks: HOOKS,
      hosts: HOSTS,
      timeout: TIMEOUT,
      max: {
        value: "DURATION",
        read: positiveDuration,
        says: "How long it may take in all, whatever progress it reports.",
      },
      "on-timeout": ON_TIMEOUT,
      containers: {
        value: "NAME[,NAME...]",
        read: commaListOrNull,
        offers: "containers",
        says: "Only about these containers; `*` and `?` stand for any characters and for one.",
      },
      labels: {
        value: "KEY[=VALUE][,KEY...]",
        read: commaListOrNull,
        says: "Only about containers that bear one of these labels.",
      },
      advisory: {
        value: "yes|no",
        read: yesOrNo,
        offers: ["yes", "no"],
        says: "Whether its verdict is only recorded and does not count.",
      },
      group: {
        value: "GROUP",
        read: z.string().transform((text) => (text === "" ? null : text)),
        says: "Participants of one group count as one.",
      },
      needs: {
        value: "NUMBER|all",
        read: z.union(
          [z.literal("all").transform(() => null), count],
          "allowed is a whole number from 1, or all",
        ),
        says: "How many of its group have to say proceed.",
      },
      "by-digest": {
        value: "yes|no",
        read: yesOrNo,
        offers: ["yes", "no"],
        says: "Whether its verdict is what `ouroboros approve` or `refuse` has said, and it is waited for at no event.",
      },
      hears: {
        ...HEARS,
        read: z.string().transform((text, context) => {
          if (text === "") return null;
          const { data, error } = noticeList.safeParse(text);
          if (error) context.addIssue(error.issues[0]?.message ?? "");
          return data ?? null;
        }),
      },
    },
    json: true,
  },
  "participant list": {
    says: "Lists the participants.",
    json: true,
  },
  "participant show": {
    says: "Shows one participant: when it is asked, whether it listens, and its last verdicts.",
    arguments: { NAME },
    json: true,
  },
  "participant remove": {
    says: "Removes a participant and its consumer: it is not asked any more.",
    arguments: { NAME },
    json: true,
  },
  "participant test": {
    says: "Checks whether a participant can and does answer, and says what to do where it does not.",
    more:
      "Looks at its entry, its consumer, whether it fetches events, and at its last verdicts. Publishes nothing: every " +
      "event of a hook is real for everyone who receives it, so there is no test event.",
    arguments: { NAME },
    options: {
      wait: {
        value: "DURATION",
        read: duration,
        byDefault: "5s",
        says: "How long to wait for it to fetch events.",
      },
    },
    json: true,
  },
} as const satisfies Readonly<Record<string, Command>>;
