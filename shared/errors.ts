// The kinds of failure that someone decides by. Everything else is a bug and is logged as one.

/** A message or setting that will never do: not tried again. */
export class Permanent extends Error {
  override readonly name = "Permanent";
}

/** The service is stopping: what was begun stays open and is taken up at the next start. */
export class Suspended extends Error {
  override readonly name = "Suspended";
}

/** NATS was away for too long while something was stopped: what was begun is taken up when it is back. */
export class NatsAwayTooLong extends Error {
  override readonly name = "NatsAwayTooLong";
}

/** Another writer holds the host's open record: this process must not touch the Engine any more. */
export class Fenced extends Error {
  override readonly name = "Fenced";
}

/** The world is not any more what was decided on: the work is dropped, nothing was touched. */
export class Expired extends Error {
  override readonly name = "Expired";
}

/** Too much went wrong in this run: what is not begun is left for later, and nothing of it was touched. */
export class FailureLimitReached extends Error {
  override readonly name = "FailureLimitReached";
}

/** What the user must put right before the program can start. The message is the whole story. */
export class CannotStart extends Error {
  override readonly name = "CannotStart";
}

/** A command line that makes no sense. */
export class WrongUsage extends Error {
  override readonly name = "WrongUsage";
}

/** What was asked for is not there, or did not happen. The message is the whole story. */
export class NotDone extends Error {
  override readonly name = "NotDone";
}

/** One line for people: the message, and the causes behind it that add something. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = error.cause === undefined ? "" : explain(error.cause);
  return inner === "" || error.message.includes(inner) ? error.message : `${error.message}: ${inner}`;
}
