// Checks the store of the private NATS: logs what was lost, and recreates consumers that no longer fit their streams.
// The updater creates missing streams and buckets.
import { type Lister, jetstreamManager } from "@nats-io/jetstream";
import type { Logger } from "pino";
import { explain } from "../shared/errors.ts";
import { findConsumersAhead, recreateConsumers } from "../shared/nats/consumers-ahead.ts";
import { type NatsSettings, connectNow, closeNats } from "../shared/nats/nats-connection.ts";
import { BUCKETS, NEEDED_BUCKETS, STREAMS } from "../shared/contract/subjects.ts";

/** `isNew`: nothing was ever stored there. Never fails: what it cannot repair shows up as errors of the services. */
export async function repairNatsStore(
  access: NatsSettings,
  { log, isNew }: { readonly log: Logger; readonly isNew: boolean },
): Promise<void> {
  try {
    const nats = await connectNow("mending", access);
    try {
      const manager = await jetstreamManager(nats, { checkAPI: false, timeout: 5000 });
      const names = await collect(manager.streams.names());
      const buckets = [...NEEDED_BUCKETS, BUCKETS.observers].map((name) => `KV_${name}`);
      const lost = [...Object.values(STREAMS), ...buckets].filter((name) => !names.includes(name));
      if (lost.length > 0 && !isNew)
        log.warn({ lost }, "private NATS has lost what it stored: it is made anew, and its history is gone");
      for (const stream of names) {
        const ahead = await findConsumersAhead(
          manager,
          stream,
          await collect(manager.consumers.list(stream)),
        );
        if (ahead.length === 0) continue;
        const consumers = ahead.map(({ name }) => name);
        log.warn({ stream, consumers }, "messages were lost; consumers that are ahead of them are made anew");
        await recreateConsumers(manager, stream, ahead);
      }
    } finally {
      await closeNats(nats);
    }
  } catch (error) {
    log.warn({ because: explain(error) }, "the store of the private NATS could not be looked through");
  }
}

async function collect<T>(lister: Lister<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of lister) items.push(item);
  return items;
}
