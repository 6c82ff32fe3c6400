// What the parts of a notifier share.
import { type HostEntry, parseHostEntry } from "../../shared/contract/host-entry.ts";
import { OUTBOX_KEYS } from "../../shared/contract/notifier-state.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { entriesOf } from "../../shared/nats/bucket-entries.ts";
import { readMessages } from "../../shared/nats/jetstream.ts";
import type { RunRecordReader } from "../../shared/nats/run-record-reader.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import { EMPTY_MEMORY, NotifierMemory } from "./memory.ts";
import { type Notification } from "./notification.ts";
import { EMPTY_OUTBOX, Outbox, add } from "./outbox.ts";
import { isSnoozed } from "./snoozed.ts";
import { type StoredValue, changeValue } from "./stored-value.ts";
import type { Target } from "./target.ts";

export interface Notifier extends Observing {
  readonly readRecord: RunRecordReader;
  readonly targets: readonly Target[];
  /** Has the outboxes looked at now. */
  readonly wake: () => void;
}

export const memoryOf = ({ state, log }: Pick<Observing, "state" | "log">): StoredValue<NotifierMemory> => ({
  ...{ bucket: state, key: "notifier.memory", schema: NotifierMemory, empty: EMPTY_MEMORY, log },
});

export const outboxOf = (
  { state, log }: Pick<Observing, "state" | "log">,
  target: Pick<Target, "id" | "name">,
): StoredValue<Outbox> => ({
  bucket: state,
  key: `notifier.outbox.${target.id}`,
  schema: Outbox,
  empty: { ...EMPTY_OUTBOX, target: target.name },
  log,
});

/**
 * Puts them into the outbox of every target; one that is there already, or was delivered lately, is left out.
 * @throws the first error, after all outboxes were tried.
 */
export async function notify(
  notifier: Notifier,
  { notifications, over }: { readonly notifications: readonly Notification[]; readonly over?: string },
): Promise<void> {
  const { settings, targets, clock } = notifier;
  const wanted: Notification[] = [];
  for (const item of notifications) {
    const isWanted = item.kind === "test" || settings.NOTIFY[item.kind] !== "never";
    if (isWanted && !(await isSnoozed(notifier, item, clock.now()))) wanted.push(item);
  }
  if (wanted.length === 0 && over === undefined) return;
  let isAdded = false;
  const tried = await Promise.allSettled(
    targets.map((target) =>
      changeValue(outboxOf(notifier, target), (outbox) => {
        const after = add(outbox, { notifications: wanted, ...(over !== undefined && { over }) });
        isAdded ||= after !== undefined;
        return after;
      }),
    ),
  );
  if (isAdded) notifier.wake();
  for (const result of tried) if (result.status === "rejected") throw result.reason;
}

/** Makes an outbox for each target, and removes those of targets that NOTIFIERS no longer names. */
export async function keepOutboxes(notifier: Notifier): Promise<void> {
  const { manager, state, targets, log } = notifier;
  for (const target of targets)
    await changeValue(outboxOf(notifier, target), (outbox) => ({ ...outbox, target: target.name }));
  const kept = targets.map((target) => outboxOf(notifier, target).key);
  const prefix = `$KV.${BUCKETS.observers}.`;
  for await (const { subject } of readMessages(
    manager,
    `KV_${BUCKETS.observers}`,
    `${prefix}${OUTBOX_KEYS}`,
  )) {
    const key = subject.slice(prefix.length);
    const entry = kept.includes(key) ? null : await state.get(key);
    if (entry?.operation !== "PUT") continue;
    await state.delete(key);
    log.info({ outbox: key }, "an outbox whose target is no longer in NOTIFIERS is removed");
  }
}

/** The entries of all hosts, by name. */
export async function readHosts({ manager }: Pick<Observing, "manager">): Promise<Map<string, HostEntry>> {
  const hosts = new Map<string, HostEntry>();
  for await (const [[host = ""], text] of entriesOf(manager, BUCKETS.hosts)) {
    const entry = parseHostEntry(text);
    if (entry !== undefined) hosts.set(host, entry);
  }
  return hosts;
}
