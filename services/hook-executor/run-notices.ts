// Runs the scripts of notices, which tell what is over. They come by a consumer of their own, one after the other and in
// order, so a script that hangs delays the next notice and nothing else. A notice is acknowledged when its scripts have
// run: after a crash they run again, from the first.
import { DeliverPolicy, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { firstOf, iso } from "../../shared/clock.ts";
import { isNoticeName } from "../../shared/contract/hooks.ts";
import { STREAMS, consumers, executorParticipant } from "../../shared/contract/subjects.ts";
import { untilConsumerIsThere } from "../../shared/nats/await-consumer.ts";
import { consume } from "../../shared/nats/consume.ts";
import { ensureConsumer, executorNoticesConsumer } from "../../shared/nats/durable-consumers.ts";
import { jetStreamOf } from "../../shared/nats/jetstream-client.ts";
import { findInfo } from "../../shared/nats/topology.ts";
import { signalAtEnd } from "../../shared/runtime/read-to-end.ts";
import type { ServiceContext } from "../../shared/runtime/run-service.ts";
import { answerOnce } from "./answer-once.ts";
import { dateByOurClock } from "./event-age.ts";
import { type HookEvent, readHookEvent } from "./hook-event.ts";
import type { HookTools } from "./hook-tools.ts";
import { runNoticeScripts } from "./run-hook.ts";

const REMEMBERED = 1000;
const CHECK_INTERVAL_MS = 15_000;
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
  const durable = consumers.notices(executorParticipant(host));
  await untilConsumerIsThere(
    () => makeConsumer(context, startedAt),
    context,
    (because) => log.info({ because, mend: MEND }, "scripts do not hear yet what is over"),
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
  await Promise.all([consumed.finally(() => over.abort()), keepConsumer(context, over.signal)]);
}

/**
 * A new consumer begins with what was published at `since`, milliseconds since 1970. One that may not be changed is
 * taken as it is.
 * @throws where it is missing and cannot be created.
 */
async function makeConsumer({ manager, host }: HearingContext, since: number): Promise<void> {
  const wanted = executorNoticesConsumer(host);
  const begin = { deliver_policy: DeliverPolicy.StartTime, opt_start_time: iso(since) };
  await ensureConsumer(manager, STREAMS.hooks, { ...wanted, ...begin }).catch(async (error: unknown) => {
    const found = await findInfo(() => manager.consumers.info(STREAMS.hooks, wanted.durable_name));
    if (found === undefined) throw error;
  });
}

/** Creates the consumer again where NATS has lost it. */
async function keepConsumer(context: HearingContext, over: AbortSignal): Promise<void> {
  const { clock, signal } = context;
  const until = AbortSignal.any([signal, over]);
  for (let seenAt = clock.now(); !until.aborted;) {
    await clock.sleep(CHECK_INTERVAL_MS, until);
    if (until.aborted) return;
    const isThere = await makeConsumer(context, seenAt).then(
      () => true,
      () => false,
    );
    if (isThere) seenAt = clock.now();
  }
}
