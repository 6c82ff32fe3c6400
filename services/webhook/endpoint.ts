// Sends one event to the HTTP endpoint until it answers with a verdict, or takes the notice: CloudEvents 1.0 in
// structured mode (CloudEvents HTTP binding 1.0, section 3.2), POSTed as the CloudEvents webhook specification 1.0 has
// it. By that specification a redirect is no answer. The response body is read up to the greatest length of a verdict.
import type { Clock } from "../../shared/clock.ts";
import { Suspended, explain } from "../../shared/errors.ts";
import type { Verdict } from "../../shared/contract/messages.ts";
import { Backoff } from "../../shared/retry.ts";
import type { ServiceContext } from "../../shared/runtime/run-service.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import { type WebhookAnswer, verdictFrom, whyNotHeard } from "./endpoint-verdict.ts";
import { signedHeaders } from "./signature.ts";

interface Delivery {
  readonly id: string;
  /** The event, byte for byte as it was published. */
  readonly body: string;
}

const PAUSES = { first: 500, most: 30_000 };
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Asks until the endpoint gives a verdict; undefined after WEBHOOK_RETRY.
 * @throws Suspended when the service stops first.
 */
export const askEndpoint = (delivery: Delivery, context: ServiceContext): Promise<Verdict | undefined> =>
  postUntil(delivery, context, verdictFrom);

/** Tells it until it says that it has heard; undefined after WEBHOOK_RETRY. @throws Suspended as `askEndpoint` does. */
export const tellEndpoint = (delivery: Delivery, context: ServiceContext): Promise<object | undefined> =>
  postUntil(delivery, context, (answer) => whyNotHeard(answer) ?? {});

/** What a response means, or the reason why it is none. `now` is milliseconds since 1970. */
type ReadAnswer<T extends object> = (answer: WebhookAnswer, now: number) => T | string;

async function postUntil<T extends object>(
  delivery: Delivery,
  { settings, clock, log, signal }: ServiceContext,
  read: ReadAnswer<T>,
): Promise<T | undefined> {
  const until = clock.monotonic() + settings.WEBHOOK_RETRY;
  for (const backoff = new Backoff(clock, PAUSES); ;) {
    const answer = await post(delivery, settings, clock, signal);
    if (signal.aborted) throw new Suspended("stopped while an endpoint was asked");
    const meaning = typeof answer === "string" ? answer : read(answer, clock.now());
    if (typeof meaning !== "string") return meaning;
    log.warn({ because: meaning }, "no answer from the endpoint");
    if (clock.monotonic() + backoff.next > until) return undefined;
    await backoff.pause(signal);
    if (signal.aborted) throw new Suspended("stopped before an endpoint was asked again");
  }
}

/** The response, or the reason why there is none. */
async function post(
  { id, body }: Delivery,
  settings: Settings,
  clock: Clock,
  signal: AbortSignal,
): Promise<WebhookAnswer | string> {
  const deadline = clock.deadline(settings.WEBHOOK_TIMEOUT, signal);
  try {
    const response = await fetch(settings.WEBHOOK_URL, {
      method: "POST",
      redirect: "manual",
      signal: deadline,
      body,
      headers: {
        "content-type": "application/cloudevents+json; charset=UTF-8",
        "user-agent": "ouroboros",
        ...(settings.WEBHOOK_TOKEN !== "" && { authorization: `Bearer ${settings.WEBHOOK_TOKEN}` }),
        ...signedHeaders({ id, timestamp: Math.floor(clock.now() / 1000), body }, settings.WEBHOOK_SECRET),
      },
    });
    return await readAnswer(response);
  } catch (error) {
    return deadline.aborted ? `nothing within ${settings.WEBHOOK_TIMEOUT / 1000} s` : explain(error);
  }
}

async function readAnswer(response: Response): Promise<WebhookAnswer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the rest of the stream.
  for await (const part of response.body ?? []) {
    parts.push(part as Uint8Array);
    size += (part as Uint8Array).length;
    if (size > MAX_BODY_BYTES) break;
  }
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after") ?? undefined,
    body: Buffer.concat(parts).subarray(0, MAX_BODY_BYTES).toString(),
    cut: size > MAX_BODY_BYTES,
  };
}
