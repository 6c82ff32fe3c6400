// What pollers that share look-ups write into KV OUROBOROS_LOOKS. Pure.
import { createHash } from "node:crypto";
import * as z from "zod";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";

/** Under `<scope>`: who asks. */
export const Lease = z.object({
  host: z.string(),
  at: z.string().describe("When its search began."),
});
/** Under `<host>.<scope>`: what the registry answered that host. */
export const Answer = z.object({
  digest: z
    .string()
    .regex(/^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/)
    .nullable()
    .describe("Null where the registry gave none."),
});

/** Names what is asked. The reference may be long, and a key is read often. */
export const scopeOf = ({ familiar }: ImageRef, login: boolean): string =>
  createHash("sha256")
    .update(`${familiar} ${login ? "login" : "anonymous"}`)
    .digest("hex")
    .slice(0, 40);
