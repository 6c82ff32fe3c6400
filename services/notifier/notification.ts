// What the notifier has to tell: one fact, as it is stored until it is delivered. Pure.
import * as z from "zod";
import type { NotificationKind } from "../../shared/contract/notification-kinds.ts";

export const Notification = z.object({
  id: z.string().describe("The same for the same fact, so that it is told once."),
  // a newer notifier of the fleet may know more kinds
  kind: z.string().transform((kind) => kind as NotificationKind | "test"),
  at: z.string().describe("RFC 3339."),
  host: z.string(),
  run: z.string().optional(),
  isOver: z.boolean().optional().describe("Its run is over."),
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

/** What the entries of hosts show, which is told once. `poll`: the check that showed it. */
export type Trouble = Omit<Notification, "id"> & { readonly key: string; readonly poll: string };

/** Hundreds of notifications wait in one value, so what others wrote is cut. */
const MAX_LENGTH = 500;
export const MAX_NAMES = 20;

/** Text that others wrote, on one line, without control characters and halves of characters. */
export const cleanText = (text: string): string =>
  text
    // eslint-disable-next-line no-control-regex -- they are what is taken out
    .replace(/[\u0000-\u001f\u007f]+/g, " ")
    .slice(0, MAX_LENGTH)
    .replace(/[\ud800-\udfff]/gu, "\ufffd");

/** `sha256:0123456789abcdef…` or `repo@sha256:…` → `0123456789ab`. */
export const shortId = (id: string | null): string | undefined =>
  id === null ? undefined : cleanText(id.replace(/^.*sha256:/, "").slice(0, 12));
