// Why a registry gave no digest: a sentence for people, never with a secret in it.
import { parseRetryAfter } from "../../../shared/registry/retry-after.ts";
import type { UserMessage } from "../../../shared/catalogue/entry.ts";

/**
 * `passing`: transient; `unreachable`: this process gets no answer, but the Engine may; `login`: the registry wants
 * credentials and got none; `final`: a retry does not help.
 */
type FailureKind = "passing" | "unreachable" | "login" | "final";

interface ErrorDetails {
  readonly cause?: unknown;
  readonly kind?: FailureKind;
  /** A retry soon may succeed. */
  readonly isPassing?: boolean;
}

export class NoDigest extends Error {
  override readonly name: string = "NoDigest";
  readonly kind: FailureKind;
  readonly isPassing: boolean;
  constructor(
    message: UserMessage,
    { cause, kind = "final", isPassing = kind === "passing" }: ErrorDetails = {},
  ) {
    super(message, { cause });
    this.kind = kind;
    this.isPassing = isPassing;
  }
}

/** The registry asks for a pause. */
export class AskedToWait extends NoDigest {
  override readonly name = "AskedToWait";
  readonly ms: number;
  constructor(message: UserMessage, ms: number) {
    super(message);
    this.ms = ms;
  }
}

const LONGEST_MS = 24 * 3_600_000;
/** The pause where the registry names none: the cycle still retries, then the registry is not asked for a minute. */
export const DEFAULT_WAIT_MS = 60_000;

/** The pause that `Retry-After` asks for, a day at most; undefined without the header. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const ms = parseRetryAfter(header, now);
  return ms === undefined ? undefined : Math.min(ms, LONGEST_MS);
}
