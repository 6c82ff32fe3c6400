// Which notifications of an outbox are sent now, and which make one message. Pure.
import type { Deliveries, DeliveryTime } from "../../shared/contract/notification-kinds.ts";
import { nextTime } from "../../shared/settings/cron.ts";
import type { Notification } from "./notification.ts";
import type { Outbox } from "./outbox.ts";
import type { TemplateName } from "./templates.ts";

export interface DeliveryRules {
  readonly deliveries: Deliveries;
  readonly digest: string | undefined;
  /** IANA name. */
  readonly zone: string;
}

/** The end of a run may never be told: its updater may be gone for good. */
const LONGEST_RUN_MS = 86_400_000;
/** More messages than these become one summary: the target was away, or a whole fleet has moved. */
const MAX_MESSAGES = 5;

export interface Batch {
  readonly kind: TemplateName;
  readonly notifications: readonly Notification[];
}

/** The rules by which everything is sent at once, as the program ends. */
export const withoutDelay = ({ deliveries, ...rules }: DeliveryRules): DeliveryRules => ({
  ...rules,
  deliveries: Object.fromEntries(Object.keys(deliveries).map((kind) => [kind, "now"])) as Deliveries,
});

/** The next messages to send. A digest takes everything that is due. */
export function dueBatches(outbox: Outbox, rules: DeliveryRules, now: number): Batch[] {
  const isDigestDue = outbox.digest_at !== null && outbox.digest_at <= now;
  const due = outbox.pending.filter((item) => isDue(item, rules, { now, isDigestDue }));
  const groups = new Map<string, Notification[]>();
  for (const item of due) groups.set(groupOf(item), [...(groups.get(groupOf(item)) ?? []), item]);
  const isDigest = due.some((item) => deliveryOf(item, rules) === "digest");
  if (due.length > 0 && (isDigest || groups.size > MAX_MESSAGES || outbox.dropped > 0))
    return [{ kind: "digest", notifications: due }];
  return [...groups.values()].map((notifications) => ({
    kind: MESSAGE_KINDS[notifications[0]?.kind ?? "updated"] ?? "run",
    notifications,
  }));
}

const deliveryOf = ({ kind }: Notification, { deliveries }: DeliveryRules): DeliveryTime =>
  kind !== "test" && Object.hasOwn(deliveries, kind) ? deliveries[kind] : "now";

function isDue(
  notification: Notification,
  rules: DeliveryRules,
  { now, isDigestDue }: { readonly now: number; readonly isDigestDue: boolean },
): boolean {
  const { at, run, isOver } = notification;
  switch (deliveryOf(notification, rules)) {
    case "now":
    case "never": // the setting has changed since
      return true;
    case "digest":
      return isDigestDue;
    case "run":
      return run === undefined || isOver === true || now - Date.parse(at) > LONGEST_RUN_MS;
  }
}

const MESSAGE_KINDS: Partial<Record<Notification["kind"], TemplateName>> = {
  ...{ startup: "startup", test: "test" },
  ...{ stuck: "alert", waiting: "alert", registry: "alert", host: "alert", beyond: "alert" },
};

const groupOf = ({ kind, host, run = "" }: Notification): string =>
  Object.hasOwn(MESSAGE_KINDS, kind) ? kind : `run ${host} ${run}`;

/** When a digest is due next, in milliseconds since 1970; null where none is asked for. */
export function nextDigest({ deliveries, digest, zone }: DeliveryRules, now: number): number | null {
  if (digest === undefined || !Object.values(deliveries).includes("digest")) return null;
  return nextTime(digest, zone, now) ?? null;
}
