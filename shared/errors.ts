// The failures that callers tell apart and act on. Any other error is a bug and is logged as one. What a user is to read
// comes from the catalogue (catalogue/entry.ts); the compiler takes no other text.
import type { UserMessage } from "./catalogue/entry.ts";

/** A failure that a user reads. */
abstract class UserError extends Error {
  public constructor(message: UserMessage, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A message or setting that can never succeed: it is not retried. */
export class Permanent extends Error {
  override readonly name = "Permanent";
}

/** The service is stopping: its work stays open, and the next start resumes it. */
export class Suspended extends Error {
  override readonly name = "Suspended";
}

/** NATS was away for too long while a container was stopped: the work is resumed when NATS is back. */
export class NatsAwayTooLong extends Error {
  override readonly name = "NatsAwayTooLong";
}

/** Another writer holds the host's open record: this process must not touch the Engine any more. */
export class Fenced extends Error {
  override readonly name = "Fenced";
}

/**
 * The containers or images are no longer those that were decided on: the work is dropped, and nothing was touched.
 */
export class Expired extends UserError {
  override readonly name = "Expired";
}

/** Too many updates of this run failed: those not yet begun are left for later, and nothing of them was touched. */
export class FailureLimitReached extends Error {
  override readonly name = "FailureLimitReached";
}

/** The user must put something right before the program can start. The message says all there is to say. */
export class CannotStart extends UserError {
  override readonly name = "CannotStart";
}

/** A command line that makes no sense: everything that is wrong with it. */
export class WrongUsage extends Error {
  override readonly name = "WrongUsage";
  constructor(...faults: readonly UserMessage[]) {
    super(faults.join("\n  "));
  }
}

/** What the user asked for does not exist, or did not happen. The message says all there is to say. */
export class NotDone extends UserError {
  override readonly name = "NotDone";
}

/** One line for people: the message, followed by the causes that add something to it. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error.cause === undefined ? "" : explain(error.cause);
  return inner === "" || error.message.includes(inner) ? error.message : `${error.message}: ${inner}`;
}
