// Parses NOTIFY: `KIND=WHEN` for each kind of notification, `*=WHEN` for all that are not named. Pure.
import * as z from "zod";
import {
  type Deliveries,
  type DeliveryTime,
  deliveries,
  isNotificationKind,
  notificationKindNames,
  notificationKinds,
} from "../contract/notification-kinds.ts";

const isDelivery = (text: string): text is DeliveryTime => (deliveries as readonly string[]).includes(text);

const ALLOWED = `allowed are KIND=WHEN, separated by blanks: the kinds are ${notificationKindNames.join(", ")} and * for the others, when is ${deliveries.join(", ")}`;

export const notify = z.string().transform((given, context): Deliveries => {
  const words = given.split(/[\s,]+/).filter((word) => word !== "");
  const read = new Map<string, DeliveryTime>();
  for (const word of words) {
    const [kind = "", when = "", ...more] = word.split("=");
    if ((kind !== "*" && !isNotificationKind(kind)) || !isDelivery(when) || more.length > 0)
      context.addIssue(`${JSON.stringify(word)} is none of them; ${ALLOWED}`);
    else read.set(kind, when);
  }
  const byKind = notificationKindNames.map((kind) => [
    kind,
    read.get(kind) ?? read.get("*") ?? notificationKinds[kind].byDefault,
  ]);
  return Object.fromEntries(byKind) as Deliveries;
});
