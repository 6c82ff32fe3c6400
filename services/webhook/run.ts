// The webhook bridge: lets an HTTP endpoint be a participant without NATS. It takes the participant's events, POSTs
// each to the endpoint, and publishes the answer as the participant's verdict.
import { type JsMsg, JetStreamApiError } from "@nats-io/jetstream";
import type { NatsConnection } from "nats";
import * as z from "zod";
import { consume } from "../../shared/nats/consume.ts";
import { CannotStart, Permanent } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { settingErrors } from "../../shared/catalogue/start-errors.ts";
import { jetStreamOf, managerOf } from "../../shared/nats/jetstream-client.ts";
import { publish } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { connectUnlessStopped, closeNats, requireNatsUrl } from "../../shared/nats/nats-connection.ts";
import type { ServiceContext, Service } from "../../shared/runtime/run-service.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import { STREAMS, consumers, subjects } from "../../shared/contract/subjects.ts";
import { decodeToken } from "../../shared/contract/subject-tokens.ts";
import { askEndpoint } from "./endpoint.ts";
import { forwardNotices } from "./forward-notices.ts";

/** How many events are at the endpoint at a time, so that a slow answer to one does not delay the others. */
const PARALLEL = 8;
const PROGRESS_MS = 3000;

export const runWebhook: Service = async (context) => {
  if (context.settings.WEBHOOK_URL === "")
    throw new CannotStart(
      messageOf(settingErrors.settingMissing, {
        setting: "WEBHOOK_URL",
        value: "the HTTP endpoint that is asked",
      }),
    );
  requireNatsUrl(context.settings);
  const nats = await connectUnlessStopped("webhook", context);
  if (nats === undefined) return 0;
  try {
    await serve(nats, context);
    return 0;
  } finally {
    await closeNats(nats);
  }
};

async function serve(nats: NatsConnection, context: ServiceContext): Promise<void> {
  const { settings, log, clock, signal } = context;
  const durable = consumers.gate(settings.WEBHOOK_NAME);
  await warnIfNotAdded(nats, durable, context);
  const risk = whyInsecure(settings);
  if (risk !== undefined) log.warn({ mend: "use https://" }, risk);
  log.info(
    { participant: settings.WEBHOOK_NAME, endpoint: new URL(settings.WEBHOOK_URL).origin },
    "waiting for events",
  );
  const asked = consume(nats, {
    js: jetStreamOf(nats),
    ...{ stream: STREAMS.hooks, durable, parallel: PARALLEL, log, clock, signal },
    handle: (message) => forward(message, nats, context),
  });
  await Promise.all([asked, forwardNotices(nats, context)]);
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** What others on the network path to the endpoint could read or forge; undefined where nothing. */
function whyInsecure({ WEBHOOK_URL, WEBHOOK_TOKEN, WEBHOOK_SECRET }: Settings): string | undefined {
  const { protocol, hostname } = new URL(WEBHOOK_URL);
  if (protocol === "https:" || LOOPBACK.test(hostname)) return undefined;
  if (WEBHOOK_TOKEN !== "")
    return "WEBHOOK_URL is http://: WEBHOOK_TOKEN and the answers can be read and changed";
  return `WEBHOOK_URL is http://: ${WEBHOOK_SECRET === "" ? "events" : "WEBHOOK_SECRET signs the request, but events"} and answers can be read and changed`;
}

/** The bridge does not add itself: the operator decides who takes part, and at which hooks. */
async function warnIfNotAdded(
  nats: NatsConnection,
  durable: string,
  { settings, log }: ServiceContext,
): Promise<void> {
  const manager = await managerOf(nats);
  await manager.consumers.info(STREAMS.hooks, durable).catch((error: unknown) => {
    if (!(error instanceof JetStreamApiError)) throw error;
    const add = `ouroboros participant add ${settings.WEBHOOK_NAME} --hooks before_update`;
    log.warn({ add }, "there is no such participant yet: add it; waiting for it");
  });
}

const AskedEvent = z.object({ data: z.object({ asked: z.array(z.string()) }) });

/** Whether the event asks this participant. The journal would say if its gate is over; the bridge may not read it. */
function isAsked(body: string, name: string): boolean {
  const event = AskedEvent.safeParse(parseJson(body)).data;
  return event === undefined || event.data.asked.includes(name);
}

/** @throws Permanent for a message that is no event; Suspended when the service stops first. */
async function forward(message: JsMsg, nats: NatsConnection, context: ServiceContext): Promise<void> {
  const { settings, clock, signal } = context;
  const [, , host = "", hook = "", , id = ""] = message.subject.split(".");
  const body = message.string();
  if (parseJson(body) === undefined) throw new Permanent(`no JSON on ${message.subject}`);
  const log = context.log.child({ host: decodeToken(host), hook, event: id });
  if (!isAsked(body, settings.WEBHOOK_NAME)) {
    log.info("the endpoint is not asked: this event is for other participants");
    return;
  }
  const progress = subjects.progress(decodeToken(host), settings.WEBHOOK_NAME, id);
  using _progress = clock.every(PROGRESS_MS, () => {
    if (!nats.isClosed()) nats.publish(progress, "{}");
  });
  const verdict = await askEndpoint({ id, body }, { ...context, log });
  if (verdict === undefined) {
    log.error("given up: the endpoint gave no verdict; the participant runs out of time");
    return;
  }
  log.info({ verdict: verdict.verdict, reason: verdict.reason }, "the endpoint has answered");
  await publish(
    { js: jetStreamOf(nats), clock, signal },
    {
      subject: subjects.verdict(decodeToken(host), settings.WEBHOOK_NAME, id),
      body: verdict,
    },
  );
}
