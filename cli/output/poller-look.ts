// Parses what a poller answers to `look`. Pure.
import * as z from "zod";
import { SwarmNote } from "../../shared/contract/service-status.ts";
import { CheckResult } from "./output-schemas.ts";

/** A poller's answer to `look`. */
export const PollerLook = z.object({
  looked_at: z.string(),
  containers: z.array(CheckResult.omit({ host: true })),
  unseen: z.array(z.object({ name: z.string(), because: z.string() })).readonly(),
  names: z.array(z.string()),
  advice: z.string().optional(),
  swarm: SwarmNote.optional(),
});
export type PollerLook = z.infer<typeof PollerLook>;

/** What a poller answers that could not do what it was asked. */
export const PollerFailure = z.object({ error: z.string() });
