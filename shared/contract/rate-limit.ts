// How many more requests a registry allows, by its last answer. The poller stores it in its host's entry; `ouroboros
// status` shows it.
import * as z from "zod";

export const RateLimit = z.object({
  limit: z.number().nullable(),
  remaining: z.number(),
  window_s: z.number().nullable().describe("How long the limit counts back, in seconds."),
  at: z.string().describe("When the registry said so, RFC 3339."),
});
export type RateLimit = z.infer<typeof RateLimit>;
