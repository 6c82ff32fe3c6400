// What an HTTP answer says. Pure. Whatever is no clear yes, no or later is no answer: the endpoint is asked again, and
// in the end its participant is out of time, for which the operator has chosen what it counts as.
import { type Verdict, parseVerdict } from "../../shared/messages.ts";
import { retryAfter } from "../../shared/retry-after.ts";

export interface Answered {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: string;
  /** The body is longer than `body`. */
  readonly cut: boolean;
}

/** The wire format keeps 12,000 characters of a reason. */
const MAX_REASON = 8000;
const LONGEST_WAIT_S = 365 * 86_400;

/** A verdict; undefined where it is none. `now` in milliseconds since 1970. */
export function verdictFrom(answer: Answered, now: number): Verdict | undefined {
  const { status } = answer;
  const reason = answer.body.trim().slice(0, MAX_REASON) || `it answered ${status}`;
  const wait = retryAfter(answer.retryAfter, now);
  if (status >= 200 && status < 300) return verdictInside(answer);
  if (status === 409) return { verdict: "refuse", reason };
  if (status === 425 || ((status === 429 || status === 503) && wait !== undefined))
    return { verdict: "defer", reason, ...later(wait) };
  return undefined;
}

/** Proceed, or the verdict that the body of a 2xx is. A body that means to be one and is not, is no answer. */
function verdictInside({ body, cut }: Answered): Verdict | undefined {
  if (cut) return undefined;
  const verdict = parseVerdict({ text: body, fromStream: false });
  return verdict ?? (body.includes('"verdict"') ? undefined : { verdict: "proceed" });
}

function later(ms: number | undefined): Pick<Verdict, "retry_after_s"> {
  const seconds = Math.ceil((ms ?? 0) / 1000);
  return seconds > 0 ? { retry_after_s: Math.min(seconds, LONGEST_WAIT_S) } : {};
}
