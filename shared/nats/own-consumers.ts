// The durable consumers that a service makes for itself where it may, and makes again where NATS has lost them.
import { DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import { iso } from "../clock.ts";
import { explain } from "../errors.ts";
import type { ServiceContext } from "../runtime/run-service.ts";
import { type DurableConsumer, ensureConsumer } from "./durable-consumers.ts";
import { findInfo } from "./topology.ts";

const CHECK_INTERVAL_MS = 15_000;

/**
 * A new consumer begins with what was published at `since`, in milliseconds since 1970: in a program that has all services
 * a first update may be over before the consumer is there. One that may not be changed is taken as it is.
 * @throws where it is missing and cannot be created.
 */
export async function makeOwnConsumer(
  manager: JetStreamManager,
  stream: string,
  { durable, since }: { readonly durable: DurableConsumer; readonly since: number },
): Promise<void> {
  const begin = { deliver_policy: DeliverPolicy.StartTime, opt_start_time: iso(since) };
  await ensureConsumer(manager, stream, { ...durable, ...begin }).catch(async (error: unknown) => {
    const found = await findInfo(() => manager.consumers.info(stream, durable.durable_name));
    if (found === undefined) throw error;
  });
}

/**
 * Calls `make` again and again until the signal aborts, with the last time at which the consumers were there: one that is
 * made anew misses nothing.
 */
export async function keepOwnConsumers(
  { clock, log, signal }: Pick<ServiceContext, "clock" | "log" | "signal">,
  make: (since: number) => Promise<void>,
): Promise<void> {
  for (let seenAt = clock.now(); !signal.aborted;) {
    await clock.sleep(CHECK_INTERVAL_MS, signal);
    if (signal.aborted) return;
    try {
      await make(seenAt);
      seenAt = clock.now();
    } catch (error) {
      log.debug({ because: explain(error) }, "consumers could not be looked at");
    }
  }
}
