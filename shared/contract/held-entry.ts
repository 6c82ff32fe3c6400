// The digest that is held for a container because it was refused, rolled back or deferred: one KV entry per
// container. The updater writes the entry; the poller reads it and leaves that digest alone.
import * as z from "zod";
import { UpdateResult } from "./payloads.ts";

export const HeldEntry = z.object({
  digest: z.string().describe("The registry's digest that is held; another one is not."),
  image: z.string().optional().describe("The repository of the digest."),
  because: z.string(),
  by: z.string().describe("Who held it: a participant, or the updater itself."),
  until: z.number().nullable().describe("Milliseconds since 1970; null until the digest changes."),
  end: UpdateResult.optional().describe("How the update ended that is held."),
  tries: z.number().int().describe("How often this digest was tried."),
});
export type HeldEntry = z.infer<typeof HeldEntry>;

/** Who held it, for brackets around it: what answers for all beyond a host that is cut off has its own, as no participant. */
export const holderOf = ({ by }: Pick<HeldEntry, "by">): string => by.replace(/^\((.*)\)$/, "$1");
