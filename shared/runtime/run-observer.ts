// Runs an observer: a service that reads events and the journal, and holds up nothing. It gets the connection, its durable
// consumers on both streams, and a bucket for what it must remember.
import type { JetStreamClient, JetStreamManager, JsMsg } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "nats";
import { firstOf } from "../clock.ts";
import { type ObserverName, readsEvents } from "../contract/observers.ts";
import { BUCKETS, STREAMS, consumers } from "../contract/subjects.ts";
import { CannotStart, explain } from "../errors.ts";
import { messageOf } from "../catalogue/entry.ts";
import { observerErrors } from "../catalogue/start-errors.ts";
import { retry } from "../retry.ts";
import { consume } from "../nats/consume.ts";
import { observerConsumer } from "../nats/durable-consumers.ts";
import { bucketOf, jetStreamOf, managerOf } from "../nats/jetstream-client.ts";
import { closeNats, connectUnlessStopped, requireNatsUrl } from "../nats/nats-connection.ts";
import { keepOwnConsumers, makeOwnConsumer } from "../nats/own-consumers.ts";
import { ensureObserversBucket } from "../nats/topology.ts";
import type { Service, ServiceContext } from "./run-service.ts";

export interface Observing extends ServiceContext {
  readonly name: ObserverName;
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly manager: JetStreamManager;
  /** KV OUROBOROS_HOSTS. */
  readonly hosts: KV;
  /** KV OUROBOROS_OBSERVERS; its own keys begin with its name and a dot. */
  readonly state: KV;
}

/** Handles one message. An error has it delivered again; `Permanent` gives it up. */
export type MessageHandler = (message: JsMsg, signal: AbortSignal) => Promise<void>;

const RETRY_MS = 1000;

/** `work` resolves when the signal aborts. */
export const observerService =
  (name: ObserverName, work: (observing: Observing) => Promise<void>): Service =>
  async (context) => {
    requireNatsUrl(context.settings);
    if (context.settings.NATS_HUB !== "")
      throw new CannotStart(messageOf(observerErrors.atLeafNode, { service: name }));
    const startedAt = context.clock.now();
    const nats = await connectUnlessStopped(name, context);
    if (nats === undefined) return 0;
    try {
      const observing: Observing = {
        ...context,
        name,
        nats,
        js: jetStreamOf(nats),
        manager: await managerOf(nats),
        hosts: await bucketOf(nats, BUCKETS.hosts),
        state: await bucketOf(nats, BUCKETS.observers),
      };
      if (!readsEvents(name)) {
        await work(observing);
        return 0;
      }
      await waitForConsumers(observing, startedAt);
      const over = new AbortController();
      const untilOver = { ...observing, signal: firstOf(context.signal, over.signal) };
      await Promise.all([
        work(observing).finally(() => over.abort("its work is over")),
        keepOwnConsumers(untilOver, (since) => makeConsumers(untilOver, since)),
      ]);
      return 0;
    } finally {
      await closeNats(nats);
    }
  };

/** Hands every message of the stream to `handle`, one at a time, until the signal aborts. */
export const follow = (
  { nats, js, name, log, clock, signal }: Observing,
  stream: (typeof STREAMS)["hooks" | "runs"],
  handle: MessageHandler,
): Promise<void> =>
  consume(nats, { js, stream, durable: consumers.reader(name), handle, log, clock, signal });

/** Creates consumers and bucket. Where its permissions forbid that, waits until an operator has created them. */
async function waitForConsumers(observing: Observing, since: number): Promise<void> {
  const { log, clock, signal } = observing;
  const onFailure = (error: unknown, attempts: number): void => {
    if (attempts === 1)
      log.warn(
        { because: explain(error) },
        "the streams, or the bucket of the observers, are not there yet; waiting for the updater, or for `ouroboros nats-config prepare` (at a hub `nats-config hub`)",
      );
  };
  await retry(() => makeConsumers(observing, since), { clock, signal, intervalMs: RETRY_MS, onFailure });
}

/** @throws where the bucket or a consumer is missing and cannot be created. */
async function makeConsumers({ manager, name }: Observing, since: number): Promise<void> {
  await ensureObserversBucket(manager);
  for (const stream of [STREAMS.hooks, STREAMS.runs])
    await makeOwnConsumer(manager, stream, { durable: observerConsumer(name), since });
}
