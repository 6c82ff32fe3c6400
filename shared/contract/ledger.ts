// The ledger of an image on one host: which digests its tag has named and when, which of them the host's containers
// have run, and how updates to them ended. One entry of KV OUROBOROS_LEDGER for each host, image reference and
// platform, written by the host's poller alone, so that everybody knows whose observation it is. A repository has one, too,
// where a tag policy and a cooldown are set: the tags that were seen.
import * as z from "zod";
import { UpdateResult } from "./payloads.ts";

const When = z.string().describe("RFC 3339.");

export const TagStay = z.object({
  digest: z.string(),
  from: When.describe("When the tag was first seen to name it."),
  to: When.describe("When the tag was last seen to name it."),
});
export type TagStay = z.infer<typeof TagStay>;

export const DigestUse = z.object({
  digest: z.string(),
  since: When.describe(
    "When a container was first seen to run it; where none was, when an update to it first ended.",
  ),
  containers: z.number().int().describe("How many containers run it."),
  ends: z
    .partialRecord(UpdateResult, z.number().int())
    .describe("How updates to it ended: how often each result."),
});
export type DigestUse = z.infer<typeof DigestUse>;

const SeenTag = z.object({
  tag: z.string(),
  from: When.describe("When a tag policy first chose it."),
});
export type SeenTag = z.infer<typeof SeenTag>;

export const LedgerEntry = z.looseObject({
  image: z.string(),
  platform: z.string().describe("`os/architecture` of the Engine."),
  stays: z.array(TagStay).describe("In order, the newest last. A digest that comes back is there again."),
  uses: z.array(DigestUse),
  tags: z
    .array(SeenTag)
    .optional()
    .describe(
      "In the entry of a repository, whose `image` has no tag: the tags that policies chose and that may still be taken after their cooldown.",
    ),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;
