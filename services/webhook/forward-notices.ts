// Tells the endpoint what is over, where `ouroboros participant add … --hears` says so. Notices come by a consumer of
// their own, one after the other, so an endpoint that does not take them never holds up an event that is asked about.
import type { JsMsg } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import { EVENT_LIFE_MS, Notice, parseJson } from "../../shared/contract/messages.ts";
import { decodeToken } from "../../shared/contract/subject-tokens.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";
import { Permanent } from "../../shared/errors.ts";
import { untilConsumerIsThere } from "../../shared/nats/await-consumer.ts";
import { consume } from "../../shared/nats/consume.ts";
import { jetStreamOf, managerOf } from "../../shared/nats/jetstream-client.ts";
import type { ServiceContext } from "../../shared/runtime/run-service.ts";
import { tellEndpoint } from "./endpoint.ts";

/** Resolves when the signal aborts. Without `--hears` there is no consumer, and nothing to tell. */
export async function forwardNotices(nats: NatsConnection, context: ServiceContext): Promise<void> {
  const { settings, log, clock, signal } = context;
  const durable = consumers.notices(settings.WEBHOOK_NAME);
  const manager = await managerOf(nats);
  await untilConsumerIsThere(() => manager.consumers.info(STREAMS.hooks, durable), context);
  await consume(nats, {
    js: jetStreamOf(nats),
    ...{ stream: STREAMS.hooks, durable, log, clock, signal },
    handle: (message) => forwardNotice(message, context),
  });
}

/** @throws Permanent for a message that is no notice; Suspended when the service stops first. */
async function forwardNotice(message: JsMsg, context: ServiceContext): Promise<void> {
  const [, , host = "", notice = "", , id = ""] = message.subject.split(".");
  const body = message.string();
  const event = Notice.safeParse(parseJson(body)).data;
  if (event === undefined) throw new Permanent(`no notice on ${message.subject}`);
  const log = context.log.child({ host: decodeToken(host), notice, event: id });
  if (context.clock.now() - Date.parse(event.time) > EVENT_LIFE_MS) {
    log.warn({ time: event.time }, "notice too old; it is not sent to the endpoint");
    return;
  }
  const heard = await tellEndpoint({ id, body }, { ...context, log });
  if (heard === undefined) log.error("given up: the endpoint did not take the notice");
  else log.info("the endpoint took the notice");
}
