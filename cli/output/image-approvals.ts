// What `ouroboros approve` and `refuse` print with `-o json`: fields may be added, none is removed. Pure.
import * as z from "zod";
import { DigestVerdict } from "../../shared/contract/approvals.ts";

export const ImageApprovals = z.object({
  image: z.string().describe("IMAGE@DIGEST."),
  verdicts: z.array(DigestVerdict).describe("What was said about the digest, and counts now."),
  waiting: z
    .array(z.object({ host: z.string(), container: z.string(), by: z.string() }))
    .describe("Containers that wait for it, and for whose approval."),
});
export type ImageApprovals = z.infer<typeof ImageApprovals>;
