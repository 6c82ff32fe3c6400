// Why a registry gave no digest: a sentence for people, always without secrets.
import { retryAfter } from "../../shared/retry-after.ts";

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

/** How long to leave the registry alone: what its `Retry-After` says, a minute where there is none, a day at most. */
export function retryAfterMs(header: string | undefined, now: number): number {
  return Math.min(Math.max(retryAfter(header, now) ?? WITHOUT_HEADER_MS, 1000), LONGEST_MS);
}
