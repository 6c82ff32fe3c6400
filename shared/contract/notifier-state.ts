// What the notifier keeps in KV OUROBOROS_OBSERVERS that commands read or write.
import * as z from "zod";
import { encodeToken } from "./subject-tokens.ts";

export const OUTBOX_KEYS = "notifier.outbox.*";
export const SNOOZE_KEYS = "notifier.snooze.*";

export const snoozeKey = (what: string): string => `notifier.snooze.${encodeToken(what)}`;

export const SnoozeEntry = z.object({
  what: z.string().describe("Name of a container, or an image reference."),
  until: z.number().describe("Milliseconds since 1970."),
});
export type SnoozeEntry = z.infer<typeof SnoozeEntry>;

/** What `ouroboros status` shows of an outbox. */
export const OutboxState = z.object({
  target: z.string().describe("The target without its secrets."),
  pending: z.array(z.object({ id: z.string() })),
  failing: z
    .object({
      since: z.number().describe("Milliseconds since 1970."),
      tries: z.number(),
      because: z.string(),
    })
    .nullable(),
  dead: z
    .object({ at: z.number(), count: z.number(), because: z.string() })
    .nullable()
    .describe("Notifications given up because the target failed for too long."),
});
export type OutboxState = z.infer<typeof OutboxState>;
