// Reads a verdict from an HTTP response. Pure. A response is a verdict or an error; without a verdict in the body
// only an empty 200 or 204 means proceed. After an error the endpoint is asked again. In the end its participant runs
// out of time, and counts as the operator has configured. The response to a notice only says that it has arrived.
import { Verdict, parseJson, parseVerdict } from "../../shared/contract/messages.ts";
import { parseRetryAfter } from "../../shared/registry/retry-after.ts";

export interface WebhookAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
  /** The response was longer than `body` holds. */
  readonly cut: boolean;
}

/** The wire format keeps 12,000 characters of a reason. */
const MAX_REASON = 8000;
const LONGEST_WAIT_S = 365 * 86_400;

/** The verdict, or the reason why there is none. `now` is milliseconds since 1970. */
export function verdictFrom(answer: WebhookAnswer, now: number): Verdict | string {
  const { status } = answer;
  const reason = answer.body.trim().slice(0, MAX_REASON) || `it answered ${status}`;
  const wait = parseRetryAfter(answer.retryAfter, now);
  if (status >= 200 && status < 300) return verdictInside(answer);
  if (status === 409) return { verdict: "refuse", reason };
  if (status === 425 || ((status === 429 || status === 503) && wait !== undefined))
    return { verdict: "defer", reason, ...retryAfterField(wait) };
  return `it answered ${status}, which is no verdict`;
}

/** Why the response to a notice does not say that it has arrived. Whatever is in its body, it is no verdict. */
export const whyNotHeard = ({ status }: WebhookAnswer): string | undefined =>
  status >= 200 && status < 300 ? undefined : `it answered ${status}`;

/** Empty responses that proceed. 202 and the like only say that the request has arrived. */
const EMPTY_PROCEED: readonly number[] = [200, 204];

function verdictInside({ status, body, cut }: WebhookAnswer): Verdict | string {
  if (cut) return `it answered ${status} with a body over 64 KiB, which is no verdict`;
  if (body.trim() === "")
    return EMPTY_PROCEED.includes(status)
      ? { verdict: "proceed" }
      : `it answered ${status}, which decides nothing`;
  const verdict = parseVerdict({ text: body, fromStream: false });
  if (verdict === undefined)
    return `it answered ${status} with a body that is no verdict; allowed are no body and {"verdict":"proceed|refuse|defer"}`;
  const unknown = verdict.verdict === "proceed" ? unknownFields(parseJson(body)) : [];
  return unknown.length === 0
    ? verdict
    : `it answered proceed with fields that a verdict does not have: ${unknown.join(", ").slice(0, 200)}`;
}

const KNOWN: readonly string[] = Object.keys(Verdict.shape);

/** A proceed with unknown fields may mean something else, so it does not count; refuse and defer always count. */
function unknownFields(body: unknown): readonly string[] {
  if (!isRecord(body)) return [];
  const perContainer = isRecord(body["containers"]) ? Object.values(body["containers"]) : [];
  return [body, ...perContainer.filter(isRecord)]
    .flatMap(Object.keys)
    .filter((name) => !KNOWN.includes(name));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function retryAfterField(ms: number | undefined): Pick<Verdict, "retry_after_s"> {
  const seconds = Math.ceil((ms ?? 0) / 1000);
  return seconds > 0 ? { retry_after_s: Math.min(seconds, LONGEST_WAIT_S) } : {};
}
