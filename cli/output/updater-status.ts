// Parses what an updater answers to `status`. Pure.
import * as z from "zod";

export const UpdateCounts = z.object({
  since: z.string().describe("RFC 3339: when counting began, not when the updater was started."),
  all: z.number(),
  containers: z.record(z.string(), z.number()),
});

/** The parts of the answer that the commands read. */
export const UpdaterStatus = z.object({
  state: z.enum(["busy", "idle"]),
  updates: UpdateCounts.optional(),
  trouble: z.array(z.string()).optional(),
  recovered: z
    .object({
      stuck: z.array(z.string()),
      mended: z.array(z.object({ container: z.string(), run: z.string() })).default([]),
    })
    .optional(),
});
export type UpdaterStatusAnswer = z.infer<typeof UpdaterStatus>;
