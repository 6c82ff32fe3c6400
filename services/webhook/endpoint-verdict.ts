// What an HTTP answer says. Pure. An answer is a verdict or it is an error: only an empty 200 or 204 proceeds without
// the word. After an error the endpoint is asked again, and in the end its participant is out of time, for which the
// operator has chosen what it counts as.
import { Verdict, parseJson, parseVerdict } from "../../shared/contract/messages.ts";
import { parseRetryAfter } from "../../shared/registry/retry-after.ts";

export interface WebhookAnswer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
  /** The body is longer than `body`. */
  readonly cut: boolean;
}

/** The wire format keeps 12,000 characters of a reason. */
const MAX_REASON = 8000;
const LONGEST_WAIT_S = 365 * 86_400;

/** A verdict, or in words why it is none. `now` in milliseconds since 1970. */
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

/** 202 and the like say that a request has arrived, not what was decided. */
const DONE: readonly number[] = [200, 204];

function verdictInside({ status, body, cut }: WebhookAnswer): Verdict | string {
  if (cut) return `it answered ${status} with a body over 64 KiB, which is no verdict`;
  if (body.trim() === "")
    return DONE.includes(status) ? { verdict: "proceed" } : `it answered ${status}, which decides nothing`;
  const verdict = parseVerdict({ text: body, fromStream: false });
  if (verdict === undefined)
    return `it answered ${status} with a body that is no verdict; allowed are no body and {"verdict":"proceed|refuse|defer"}`;
  const unknown = verdict.verdict === "proceed" ? unknownFields(parseJson(body)) : [];
  return unknown.length === 0
    ? verdict
    : `it answered proceed with fields that a verdict does not have: ${unknown.join(", ").slice(0, 200)}`;
}

const KNOWN: readonly string[] = Object.keys(Verdict.shape);

/** A yes with more in it than was understood may be meant otherwise; a no is heard whatever else it holds. */
function unknownFields(said: unknown): readonly string[] {
  if (!isRecord(said)) return [];
  const single = isRecord(said["containers"]) ? Object.values(said["containers"]) : [];
  return [said, ...single.filter(isRecord)].flatMap(Object.keys).filter((name) => !KNOWN.includes(name));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function retryAfterField(ms: number | undefined): Pick<Verdict, "retry_after_s"> {
  const seconds = Math.ceil((ms ?? 0) / 1000);
  return seconds > 0 ? { retry_after_s: Math.min(seconds, LONGEST_WAIT_S) } : {};
}
