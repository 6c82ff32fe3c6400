// What the notifier has to tell: one fact, as it is stored until it is delivered. Pure.
import * as z from "zod";
import { type NotificationKind, notificationKindNames } from "../../shared/contract/notification-kinds.ts";

export const Notification = z.object({
  id: z.string().describe("The same for the same fact, so that it is told once."),
  kind: z.enum(["test", ...notificationKindNames] as ["test", ...NotificationKind[]]),
  at: z.string().describe("RFC 3339."),
  host: z.string(),
  run: z.string().optional(),
  name: z.string().optional().describe("The container."),
  image: z.string().optional(),
  from: z.string().optional().describe("Short id of the image before."),
  to: z.string().optional().describe("Short id of the image after, or that was tried."),
  from_version: z.string().optional(),
  to_version: z.string().optional(),
  because: z.string().optional(),
  by: z.string().optional(),
  hook: z.string().optional(),
  event: z.string().optional(),
  who: z.array(z.string()).optional(),
  containers: z.array(z.string()).optional(),
  next_run: z.string().nullable().optional().describe("RFC 3339."),
});
export type Notification = z.infer<typeof Notification>;

/** Longer reasons are cut: hundreds of notifications may wait in one value. */
export const MAX_REASON_LENGTH = 500;

/** `sha256:0123456789abcdef…` or `repo@sha256:…` → `0123456789ab`. */
export const shortId = (id: string | null): string | undefined =>
  id === null ? undefined : id.replace(/^.*sha256:/, "").slice(0, 12);
