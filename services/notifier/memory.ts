// What the notifiers of a fleet remember together: counts, rows of deferrals, what is waited for, and what was told. Pure.
import * as z from "zod";

export const NotifierMemory = z.object({
  since: z.string().describe("When the first notifier started, RFC 3339: what is older is not told."),
  totals: z.record(z.string(), z.number()).describe("How many updates there were, by host."),
  deferrals: z.record(z.string(), z.number()).describe("Deferrals in a row, by host and container."),
  waiting: z
    .record(
      z.string(),
      z.object({
        at: z.string(),
        host: z.string(),
        run: z.string(),
        hook: z.string(),
        container: z.string().nullable(),
        who: z.array(z.string()),
      }),
    )
    .describe("Events that wait for others than scripts, by event."),
  alerts: z
    .record(
      z.string(),
      z.object({
        since: z.string(),
        polls: z.number(),
        last_poll: z.string(),
        isTold: z.boolean(),
      }),
    )
    .describe(
      "What is wrong now, so that it is reported once: `registry HOST REASON`, `host HOST`, `beyond IMAGE`.",
    ),
  seen: z.array(z.string()).describe("Ids of the last events, so that one that is redelivered counts once."),
});
export type NotifierMemory = z.infer<typeof NotifierMemory>;

export const EMPTY_MEMORY: NotifierMemory = {
  since: "",
  totals: {},
  deferrals: {},
  waiting: {},
  alerts: {},
  seen: [],
};

const MAX_ENTRIES = 500;

/** Keeps the newest entries of every list. */
export const trimMemory = (memory: NotifierMemory): NotifierMemory => ({
  since: memory.since,
  totals: newest(memory.totals),
  deferrals: newest(memory.deferrals),
  waiting: newest(memory.waiting),
  alerts: newest(memory.alerts),
  seen: memory.seen.slice(-MAX_ENTRIES),
});

const newest = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).slice(-MAX_ENTRIES));

export const containerKey = (host: string, container: string): string => `${host} ${container}`;
