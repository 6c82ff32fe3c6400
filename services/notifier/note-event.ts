// What an event, or a record of the journal, means for the memory and the outboxes. Pure.
import { lookUp } from "../../shared/look-up.ts";
import type { NoticeData } from "../../shared/contract/hooks.ts";
import type { RunRecord } from "../../shared/contract/run-records.ts";
import { type EndKind, kindOfEnd } from "../../shared/contract/update-end.ts";
import type { NotificationKind } from "../../shared/contract/notification-kinds.ts";
import { parseImageRef } from "../../shared/registry/image-ref.ts";
import { type NotifierMemory, containerKey } from "./memory.ts";
import { MAX_NAMES, type Notification, cleanText, shortId } from "./notification.ts";

export interface Noted {
  readonly memory: NotifierMemory;
  readonly notifications: readonly Notification[];
  /** `HOST RUN` of a run that is over: what waits for its end may be sent. */
  readonly over?: string;
}

interface NoticeContext {
  /** Id of the event. */
  readonly id: string;
  readonly time: string;
  readonly host: string;
  readonly run: string;
  readonly mode: string;
}

/** Deferrals in a row after which an update that is put off is told. */
export const DEFERRAL_LIMIT = 3;

export function noteUpdateFinished(
  memory: NotifierMemory,
  { id, time, host, run, mode }: NoticeContext,
  data: NoticeData<"update_finished">,
): Noted {
  const key = containerKey(host, data.name);
  const deferrals = data.end === "deferred" ? (lookUp(memory.deferrals, key) ?? 0) + 1 : 0;
  const { [key]: _, ...others } = memory.deferrals;
  const ended = kindOfEnd(data);
  const kind = notificationKindOf(ended, mode, deferrals);
  return {
    memory: {
      ...memory,
      deferrals: deferrals === 0 ? others : { ...others, [key]: deferrals },
      totals:
        ended === "updated" ? { ...memory.totals, [host]: (memory.totals[host] ?? 0) + 1 } : memory.totals,
    },
    notifications: kind === undefined ? [] : [{ kind, id, at: time, host, run, ...factsOf(data) }],
  };
}

function factsOf(data: NoticeData<"update_finished">): Partial<Notification> {
  const facts = {
    name: cleanText(data.name),
    image: data.image === null ? undefined : cleanText(data.image),
    from: shortId(data.from),
    to: shortId(data.to ?? data.to_digest),
    ...versionsOf(data),
    because: cleanText(data.because),
    by: data.by === null ? undefined : cleanText(data.by),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** Where the images state none and the tag was changed, the tags. */
function versionsOf({ from_version, to_version, image, to_image }: NoticeData<"update_finished">) {
  const [before, after] = to_image === undefined ? [] : [image ?? "", to_image].map(parseImageRef);
  const [from, to] = [from_version ?? before?.tag, to_version ?? after?.tag];
  return { from_version: from && cleanText(from), to_version: to && cleanText(to) };
}

function notificationKindOf(end: EndKind, mode: string, deferrals: number): NotificationKind | undefined {
  switch (end) {
    case "updated":
    case "rolled_back_by_operator":
    case "refused":
    case "rolled_back":
    case "failed":
    case "stuck":
      return end;
    case "deferred":
      return deferrals === DEFERRAL_LIMIT ? "deferred" : undefined;
    case "noted":
      return mode === "monitor" ? "found" : undefined;
    case "current":
    case "expired":
      return undefined;
  }
}

export const noteRunFinished = (memory: NotifierMemory, { host, run }: NoticeContext): Noted => ({
  memory,
  notifications: [],
  over: `${host} ${run}`,
});

const isScripts = (participant: string): boolean => participant.startsWith("exec_");

/** An event that waits for others than the scripts of its host is remembered until it is told or decided. */
export function noteRecord(memory: NotifierMemory, record: RunRecord): NotifierMemory | undefined {
  if (record.kind === "waiting") {
    const who = record.participants
      .filter(({ name, advisory }) => !isScripts(name) && advisory !== true)
      .map(({ name }) => name)
      .slice(0, MAX_NAMES);
    if (who.length === 0) return undefined;
    const { at, host, run, hook, container, event } = record;
    return { ...memory, waiting: { ...memory.waiting, [event]: { at, host, run, hook, container, who } } };
  }
  if (record.kind === "decided" && Object.hasOwn(memory.waiting, record.event)) {
    const { [record.event]: _, ...waiting } = memory.waiting;
    return { ...memory, waiting };
  }
  return undefined;
}
