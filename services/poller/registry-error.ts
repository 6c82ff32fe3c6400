// Why a registry gave no digest: a sentence for people, always without secrets.

export class NoDigest extends Error {
  override readonly name = "NoDigest";
}

/** The registry wants to be left alone for a while. */
export class AskedToWait extends NoDigest {
  readonly ms: number;
  constructor(message: string, ms: number) {
    super(message);
    this.ms = ms;
  }
}

const LONGEST_MS = 24 * 3_600_000;
const WITHOUT_HEADER_MS = 60_000;

/**
 * `Retry-After` (RFC 9110, section 10.2.3) in milliseconds from `now`: seconds or a date, a minute where there is
 * none, a day at most.
 */
export function retryAfterMs(header: string | undefined, now: number): number {
  const text = (header ?? "").trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? WITHOUT_HEADER_MS : Math.min(Math.max(ms, 1000), LONGEST_MS);
}
