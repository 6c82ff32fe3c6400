// Runs the scripts of notices, which tell what is over. They come by a consumer of their own, one after the other and in
// order, so a script that hangs delays the next notice and nothing else. A notice is acknowledged when its scripts have
// run: after a crash they run again, from the first.
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { firstOf } from "../../shared/clock.ts";
import { isNoticeName } from "../../shared/contract/hooks.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { untilConsumerIsThere } from "../../shared/nats/await-consumer.ts";
import { consume } from "../../shared/nats/consume.ts";
import { executorNoticesConsumer } from "../../shared/nats/durable-consumers.ts";
import { jetStreamOf } from "../../shared/nats/jetstream-client.ts";
import { keepOwnConsumers, makeOwnConsumer } from "../../shared/nats/own-consumers.ts";
import { signalAtEnd } from "../../shared/runtime/read-to-end.ts";
import type { ServiceContext } from "../../shared/runtime/run-service.ts";
import { answerOnce } from "./answer-once.ts";
import { dateByOurClock } from "./event-age.ts";
import { type HookEvent, readHookEvent } from "./hook-event.ts";
import type { HookTools } from "./hook-tools.ts";
import { runNoticeScripts } from "./run-hook.ts";

const REMEMBERED = 1000;
const MEND =
  "if NATS has users: `ouroboros nats-config write` again, reload NATS, then `ouroboros nats-config prepare`";

interface HearingContext extends ServiceContext {
  readonly nats: NatsConnection;
  readonly manager: JetStreamManager;
  readonly host: string;
  readonly tools: HookTools;
  readonly killSignal: AbortSignal;
  /** Milliseconds since 1970: a new consumer begins there. */
  readonly startedAt: number;
}

/** Resolves when the signal aborts; in a single-cycle run when the last notice's scripts have run. */
export async function runNotices(context: HearingContext): Promise<void> {
  const { nats, manager, host, tools, killSignal, startedAt, clock, log } = context;
  const wanted = executorNoticesConsumer(host);
  const durable = wanted.durable_name;
  const make = (since: number) => makeOwnConsumer(manager, STREAMS.hooks, { durable: wanted, since });
  await untilConsumerIsThere(
    () => make(startedAt),
    context,
    (because) => log.info({ because, mend: MEND }, "the scripts of notices do not run yet"),
  );
  const over = new AbortController();
  const run = answerOnce(REMEMBERED, (event: HookEvent) => runNoticeScripts(event, tools, killSignal));
  const consumed = consume(nats, {
    js: jetStreamOf(nats),
    ...{ stream: STREAMS.hooks, durable, log, clock },
    signal: firstOf(signalAtEnd({ ...context, stream: STREAMS.hooks, durable }), killSignal),
    handle: async (message) => {
      const notice = readHookEvent(message, host, isNoticeName);
      const event = await dateByOurClock(notice, durable, manager, clock);
      await run(event.id, event);
    },
  });
  const untilOver = { ...context, signal: firstOf(context.signal, over.signal) };
  await Promise.all([consumed.finally(() => over.abort()), keepOwnConsumers(untilOver, make)]);
}
