// Tells of events that have waited for others than scripts for NOTIFY_WAITING, each once.
import { explain } from "../../shared/errors.ts";
import { readMessages } from "../../shared/nats/jetstream.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import type { NotifierMemory } from "./memory.ts";
import type { Notification } from "./notification.ts";
import { type Notifier, memoryOf, notify } from "./notifier.ts";
import { changeValue, readValue } from "./stored-value.ts";

type Waiting = NotifierMemory["waiting"][string];

export async function tellWaiting(notifier: Notifier): Promise<void> {
  const { settings, clock, log } = notifier;
  const { waiting } = await readValue(memoryOf(notifier));
  for (const [event, wait] of Object.entries(waiting)) {
    if (clock.now() - Date.parse(wait.at) < settings.NOTIFY_WAITING) continue;
    try {
      if (await isStillWaiting(notifier, event, wait))
        await notify(notifier, { notifications: [notificationOf(event, wait)] });
      await changeValue(memoryOf(notifier), (memory) => {
        const { [event]: known, ...others } = memory.waiting;
        return known && { ...memory, waiting: others };
      });
    } catch (error) {
      log.debug({ event, because: explain(error) }, "it is unknown whether the event still waits");
    }
  }
}

const notificationOf = (event: string, { at, host, run, hook, container, who }: Waiting): Notification => ({
  ...{ kind: "waiting", id: `waiting ${event}`, at, host, run, hook, event, who },
  ...(container !== null && { name: container }),
});

/** By the journal: several notifiers may have read its records in another order. */
async function isStillWaiting(
  { manager, readRecord }: Notifier,
  event: string,
  { host, run }: Waiting,
): Promise<boolean> {
  for await (const message of readMessages(manager, STREAMS.runs, subjects.run(host, run))) {
    const record = readRecord(message);
    if (record?.kind === "finished" || (record?.kind === "decided" && record.event === event)) return false;
  }
  return true;
}
