// The notifications for one target that are not delivered yet, as one value in the observers' bucket. The value is
// changed by compare-and-set: whichever notifier of a fleet has a notification adds it, and whichever holds the value's
// claim delivers. A notification is removed only after its delivery, so a notifier that dies in between delivers twice
// rather than not at all.
import * as z from "zod";
import { OutboxState } from "../../shared/contract/notifier-state.ts";
import { Notification } from "./notification.ts";

export const Outbox = OutboxState.extend({
  pending: z
    .array(z.unknown())
    .transform((all) => all.flatMap((value) => Notification.safeParse(value).data ?? []))
    .describe("What is not delivered yet; what cannot be read is left out."),
  sent: z.array(z.string()).describe("Ids delivered last: none of them is added again."),
  over: z.array(z.string()).describe("`HOST RUN` of the runs that ended last."),
  dropped: z.number().describe("How many notifications were too many to keep; the next summary says so."),
  claim: z.object({ by: z.string(), until: z.number() }).nullable(),
  failing: OutboxState.shape.failing
    .unwrap()
    .extend({ again_at: z.number() })
    .nullable()
    .describe("Set while the target does not take messages."),
  digest_at: z.number().nullable().describe("When the next digest is due."),
});
export type Outbox = z.infer<typeof Outbox>;

export const EMPTY_OUTBOX: Outbox = {
  target: "",
  pending: [],
  sent: [],
  over: [],
  dropped: 0,
  claim: null,
  failing: null,
  digest_at: null,
  dead: null,
};

const MAX_PENDING = 300;
const MAX_SENT = 500;
const MAX_OVER = 50;
/** How long a notifier may take for one delivery, before another one tries. */
export const CLAIM_MS = 90_000;
/** How long a target may fail before what waits for it is given up. */
export const GIVE_UP_MS = 3 * 86_400_000;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 15 * 60_000;

/** Undefined where there is nothing new. */
export function add(
  outbox: Outbox,
  { notifications, over }: { readonly notifications: readonly Notification[]; readonly over?: string },
): Outbox | undefined {
  const known = new Set([...outbox.sent, ...outbox.pending.map(({ id }) => id)]);
  const fresh = notifications.filter(({ id }) => !known.has(id));
  const isNewEnd = over !== undefined && !outbox.over.includes(over);
  if (fresh.length === 0 && !isNewEnd) return undefined;
  const ended = isNewEnd ? [...outbox.over, over].slice(-MAX_OVER) : outbox.over;
  const all = [...outbox.pending, ...fresh].map((item) =>
    ended.includes(`${item.host} ${item.run ?? ""}`) ? { ...item, isOver: true } : item,
  );
  return {
    ...outbox,
    pending: all.slice(-MAX_PENDING),
    dropped: outbox.dropped + Math.max(all.length - MAX_PENDING, 0),
    over: ended,
  };
}

/** Undefined where another notifier delivers, or the pause after a failure is not over. */
export function claim(
  outbox: Outbox,
  { by, now, isLast = false }: { readonly by: string; readonly now: number; readonly isLast?: boolean },
): Outbox | undefined {
  if (outbox.claim !== null && outbox.claim.by !== by && outbox.claim.until > now) return undefined;
  if (outbox.failing !== null && outbox.failing.again_at > now && !isLast) return undefined;
  return { ...outbox, claim: { by, until: now + CLAIM_MS } };
}

interface Delivered {
  readonly ids: readonly string[];
  readonly isSummary: boolean;
  readonly by: string;
  readonly now: number;
}

/** Keeps the claim for the messages that are left. */
export const delivered = (outbox: Outbox, { ids, isSummary, by, now }: Delivered): Outbox => ({
  ...outbox,
  pending: outbox.pending.filter(({ id }) => !ids.includes(id)),
  sent: [...outbox.sent, ...ids].slice(-MAX_SENT),
  dropped: isSummary ? 0 : outbox.dropped,
  claim: { by, until: now + CLAIM_MS },
});

/** All that was due is delivered. */
export const finish = (outbox: Outbox): Outbox => ({ ...outbox, claim: null, failing: null });

/** `because`: why the target did not take a message. After GIVE_UP_MS what waits is given up. */
export function failed(outbox: Outbox, because: string, now: number): Outbox {
  const since = outbox.failing?.since ?? now;
  const tries = (outbox.failing?.tries ?? 0) + 1;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS);
  const after = { ...outbox, claim: null, failing: { since, tries, again_at: now + pause, because } };
  if (now - since < GIVE_UP_MS) return after;
  return {
    ...after,
    pending: [],
    dropped: 0,
    sent: [...outbox.sent, ...outbox.pending.map(({ id }) => id)].slice(-MAX_SENT),
    failing: { ...after.failing, since: now },
    dead: {
      at: now,
      count: (outbox.dead?.count ?? 0) + outbox.pending.length + outbox.dropped,
      because,
    },
  };
}
