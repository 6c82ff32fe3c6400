// Tells what the entries of the hosts show: registries that do not answer, and hosts whose check is overdue. Each is told
// once, and again only after it was right in between.
import { iso } from "../../shared/clock.ts";
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import type { NotifierMemory } from "./memory.ts";
import { MAX_REASON_LENGTH, type Notification } from "./notification.ts";
import { type Notifier, memoryOf, notify, readHosts } from "./notifier.ts";
import { changeValue } from "./stored-value.ts";

/** How late a check may be. */
const OVERDUE_MS = 15 * 60_000;
/** A registry that is away for one check is not worth a message. */
const POLLS_TOLD = 2;

export async function tellOfHosts(notifier: Notifier): Promise<void> {
  const hosts = await readHosts(notifier);
  const now = notifier.clock.now();
  await changeValue(memoryOf(notifier), async (memory) => {
    const found = [...hosts].flatMap(([host, entry]) => troublesOf(host, entry, now));
    const alerts = Object.fromEntries(
      found.map(({ key, poll }) => [key, noteAgain(memory.alerts[key], poll, now)]),
    );
    const due = found.filter(({ key, kind }) => kind === "host" || (alerts[key]?.polls ?? 0) >= POLLS_TOLD);
    await notify(notifier, {
      notifications: due.map(({ key, poll: _, ...trouble }) => ({
        ...trouble,
        id: `${key} ${alerts[key]?.since ?? ""}`,
      })),
    });
    return JSON.stringify(alerts) === JSON.stringify(memory.alerts) ? undefined : { ...memory, alerts };
  });
}

type Trouble = Omit<Notification, "id"> & { readonly key: string; readonly poll: string };

function noteAgain(before: NotifierMemory["alerts"][string] | undefined, poll: string, now: number) {
  if (before === undefined) return { since: iso(now), polls: 1, last_poll: poll };
  const isNewPoll = before.last_poll !== poll;
  return { ...before, polls: Math.min(before.polls + (isNewPoll ? 1 : 0), POLLS_TOLD), last_poll: poll };
}

function troublesOf(host: string, { cycle }: HostEntry, now: number): Trouble[] {
  const poll = cycle?.looked_at ?? "";
  const due = cycle?.next_poll ?? null;
  const isOverdue = due !== null && Date.parse(due) + OVERDUE_MS < now;
  return [
    ...(isOverdue ? [{ key: `host ${host}`, kind: "host" as const, host, at: due, poll }] : []),
    ...(cycle?.failures ?? []).map(({ because, containers }) => ({
      key: `registry ${host} ${because.slice(0, 100)}`,
      kind: "registry" as const,
      ...{ host, poll, containers, because: because.slice(0, MAX_REASON_LENGTH), at: iso(now) },
    })),
  ];
}
