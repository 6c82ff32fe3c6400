// What a poller answers to a request for one container: `update` or `rollback`. Pure.
import * as z from "zod";

export const RequestResult = z.union([
  z.object({ kind: z.literal("begun"), run: z.string() }),
  z.object({ kind: z.literal("current") }),
  z.object({ kind: z.enum(["left", "busy", "failed", "unknown"]), because: z.string() }),
]);
export type RequestResult = z.infer<typeof RequestResult>;
