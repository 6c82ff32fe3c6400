// What the notifier can tell, and how soon by default. NOTIFY changes that. Pure.

/** `now`: at once. `run`: when the run is over, all of it in one message. `digest`: at the times of NOTIFY_DIGEST. */
export const deliveries = ["now", "run", "digest", "never"] as const;
export type DeliveryTime = (typeof deliveries)[number];

export interface NotificationKindRow {
  readonly says: string;
  readonly byDefault: DeliveryTime;
}

export const notificationKinds = {
  startup: {
    says: "The notifier has started; not with SKIP_STARTUP_NOTIFICATIONS.",
    byDefault: "now",
  },
  found: { says: "MONITOR_ONLY: a container has an update.", byDefault: "run" },
  updated: { says: "A container was updated.", byDefault: "run" },
  rolled_back_by_operator: { says: "The operator rolled a container back.", byDefault: "run" },
  refused: { says: "Somebody refused an update.", byDefault: "run" },
  deferred: { says: "An update was put off for the third time in a row.", byDefault: "run" },
  rolled_back: { says: "A new container did not pass; the old one runs again.", byDefault: "run" },
  failed: { says: "An update failed before anything was touched.", byDefault: "run" },
  stuck: { says: "The old container could not be put back: it needs you.", byDefault: "now" },
  waiting: { says: "An update has waited for an answer for NOTIFY_WAITING.", byDefault: "now" },
  registry: {
    says: "A registry gave no answer, or refused access, in two checks in a row.",
    byDefault: "now",
  },
  beyond: {
    says: "There is a later release of an image that a tag policy does not take, such as a new major version.",
    byDefault: "now",
  },
  host: { says: "A host's check is overdue by a quarter of an hour.", byDefault: "now" },
} as const satisfies Record<string, NotificationKindRow>;

export type NotificationKind = keyof typeof notificationKinds;
export const notificationKindNames = Object.keys(notificationKinds) as readonly NotificationKind[];
export type Deliveries = Readonly<Record<NotificationKind, DeliveryTime>>;

export const isNotificationKind = (text: string): text is NotificationKind =>
  Object.hasOwn(notificationKinds, text);
