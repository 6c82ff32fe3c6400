// What a template sees of the notifications of one message. Pure.
import { iso } from "../../shared/clock.ts";
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import { lookUp } from "../../shared/look-up.ts";
import type { NotifierMemory } from "./memory.ts";
import type { Notification } from "./notification.ts";

export interface MessageContext {
  readonly memory: Pick<NotifierMemory, "totals">;
  /** By host. */
  readonly hosts: ReadonlyMap<string, HostEntry>;
  /** HOSTNAME. */
  readonly hostname: string;
  /** IANA name, and a BCP 47 tag. */
  readonly zone: string;
  readonly locale: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How many older notifications are left out. */
  readonly dropped: number;
}

export function messageValues(notifications: readonly Notification[], context: MessageContext): object {
  const { hosts, memory, now, dropped } = context;
  const format = timeFormat(context);
  const [first] = notifications;
  const host = first?.host ?? "";
  const cycle = hosts.get(host)?.cycle;
  const all = notifications.map((item) => describe(item, format));
  const ofKind = (...kinds: readonly string[]) => all.filter(({ kind }) => kinds.includes(kind));
  return {
    all,
    updated: ofKind("updated"),
    found: ofKind("found"),
    rolled_back_by_operator: ofKind("rolled_back_by_operator"),
    others: all.filter(({ kind }) => kind !== "updated" && kind !== "found"),
    hostname: nameInMessages(context, host),
    host: nameInMessages(context, host),
    socket: cycle?.socket.replace(/^\w+:\/\//, "") ?? "",
    monitored: cycle?.monitored ?? 0,
    total: lookUp(memory.totals, host) ?? 0,
    next_run: first?.next_run ? format(first.next_run) : undefined,
    time: format(iso(now)),
    first_time: first === undefined ? "" : format(first.at),
    dropped,
  };
}

/** HOSTNAME stands for the only host, unless it is the id that Docker gives a container as its name. */
function nameInMessages({ hosts, hostname }: MessageContext, host: string): string {
  const isGiven = hostname !== "" && !/^[0-9a-f]{12}$/.test(hostname);
  return (isGiven && hosts.size <= 1) || host === "" ? hostname : host;
}

function describe(item: Notification, format: (at: string) => string) {
  const versions = [item.from_version, item.to_version].filter((version) => version !== undefined);
  return {
    ...item,
    time: format(item.at),
    versions: versions.length === 2 ? versions.join(" → ") : undefined,
  };
}

/** A time in full, in the language and the time zone of the notifications. */
function timeFormat({ zone, locale }: MessageContext): (at: string) => string {
  const format = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "full", timeZone: zone });
  return (at) => (Number.isNaN(Date.parse(at)) ? at : format.format(new Date(at)));
}
