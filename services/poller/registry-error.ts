// Why a registry gave no digest: a sentence for people, always without secrets.
import { parseRetryAfter } from "../../shared/registry/retry-after.ts";

/**
 * `passing`: it may be better in a moment; `unreachable`: this program gets no answer, the Engine may; `login`: it wants
 * credentials and got none; `final`: that is its answer.
 */
type FailureKind = "passing" | "unreachable" | "login" | "final";

interface ErrorDetails {
  readonly cause?: unknown;
  readonly kind?: FailureKind;
  /** Asking again soon may help. */
  readonly isPassing?: boolean;
}

export class NoDigest extends Error {
  override readonly name: string = "NoDigest";
  readonly kind: FailureKind;
  readonly isPassing: boolean;
  constructor(message: string, { cause, kind = "final", isPassing = kind === "passing" }: ErrorDetails = {}) {
    super(message, { cause });
    this.kind = kind;
    this.isPassing = isPassing;
  }
}

/** The registry wants to be left alone for a while. */
export class AskedToWait extends NoDigest {
  override readonly name = "AskedToWait";
  readonly ms: number;
  constructor(message: string, ms: number) {
    super(message);
    this.ms = ms;
  }
}

const LONGEST_MS = 24 * 3_600_000;
/** Where the registry does not say: tried again within the cycle, then left alone for a minute. */
export const DEFAULT_WAIT_MS = 60_000;

/** How long to leave the registry alone: what its `Retry-After` says, a day at most; undefined where it says nothing. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const ms = parseRetryAfter(header, now);
  return ms === undefined ? undefined : Math.min(ms, LONGEST_MS);
}
