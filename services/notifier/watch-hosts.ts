// Tells what the entries of the hosts show: registries that do not answer, hosts whose check is overdue, and releases that
// tag policies do not take. Each is told once, and again only after it was not so in between.
import { iso } from "../../shared/clock.ts";
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import { lookUp } from "../../shared/look-up.ts";
import { findBeyond } from "./find-beyond.ts";
import { type NotifierMemory, trimMemory } from "./memory.ts";
import { MAX_NAMES, type Trouble, cleanText } from "./notification.ts";
import { type Notifier, memoryOf, notify, readHosts } from "./notifier.ts";
import { changeValue } from "./stored-value.ts";

/** How late a check may be. */
const OVERDUE_MS = 15 * 60_000;
/** A registry that is away for one check is not worth a message. */
const POLL_LIMIT = 2;

export async function tellOfHosts(notifier: Notifier): Promise<void> {
  const hosts = await readHosts(notifier);
  const now = notifier.clock.now();
  await changeValue(memoryOf(notifier), async (memory) => {
    const found = [
      ...[...hosts].flatMap(([host, entry]) => findTroubles(host, entry, now)),
      ...findBeyond(hosts, now),
    ];
    const alerts = Object.fromEntries(
      found.map(({ key, poll, kind }) => [key, noteAgain(lookUp(memory.alerts, key), poll, kind)]),
    );
    const isNew = ({ key }: Trouble): boolean =>
      alerts[key]?.isTold === true && lookUp(memory.alerts, key)?.isTold !== true;
    await notify(notifier, {
      notifications: found.filter(isNew).map(({ key, poll: _, ...trouble }) => ({
        ...trouble,
        id: `${key} ${alerts[key]?.since ?? ""}`,
      })),
    });
    return JSON.stringify(alerts) === JSON.stringify(memory.alerts)
      ? undefined
      : trimMemory({ ...memory, alerts });
  });
}

/** By the check that showed it, so that all notifiers of a fleet make the same of it. */
function noteAgain(
  before: NotifierMemory["alerts"][string] | undefined,
  poll: string,
  kind: string,
): NotifierMemory["alerts"][string] {
  const limit = kind === "registry" ? POLL_LIMIT : 1;
  if (before === undefined) return { since: poll, polls: 1, last_poll: poll, isTold: limit === 1 };
  const polls = Math.min(before.polls + (before.last_poll === poll ? 0 : 1), POLL_LIMIT);
  return { ...before, polls, last_poll: poll, isTold: before.isTold || polls >= limit };
}

function findTroubles(host: string, { cycle }: HostEntry, now: number): Trouble[] {
  const poll = cycle?.looked_at ?? "";
  const due = cycle?.next_poll ?? null;
  const isOverdue = due !== null && Date.parse(due) + OVERDUE_MS < now;
  return [
    ...(isOverdue ? [{ key: `host ${host}`, kind: "host" as const, host, at: due, poll }] : []),
    ...(cycle?.failures ?? []).map(({ because, containers }) => ({
      key: `registry ${host} ${withoutTimes(because)}`,
      kind: "registry" as const,
      ...{ host, poll, at: iso(now), because: cleanText(because) },
      containers: containers.slice(0, MAX_NAMES).map(cleanText),
    })),
  ];
}

/** A reason that names a time, such as the end of a rate limit, is the same reason at the next check. */
const withoutTimes = (because: string): string =>
  cleanText(because.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z?/g, "…")).slice(0, 100);
