// Waits for a consumer that is not there yet, or that the permissions of an earlier version hide.
import { JetStreamApiError } from "@nats-io/jetstream";
import { explain } from "../errors.ts";
import { Backoff } from "../retry.ts";
import type { ServiceContext } from "../runtime/run-service.ts";

const PAUSES = { first: 1000, most: 15_000 };
/** Where NATS refuses to answer, each try is an error in its log and in ours. */
const PAUSES_IF_REFUSED = { first: 1000, most: 600_000 };
/** At a start the streams may be made just now. */
const TRIES_BEFORE_WORD = 4;

/** Resolves when `look` does, or the signal aborts. `onWait` is called once, where that takes a while. */
export async function untilConsumerIsThere(
  look: () => Promise<unknown>,
  { clock, signal }: Pick<ServiceContext, "clock" | "signal">,
  onWait: (because: string) => void = () => undefined,
): Promise<void> {
  const backoffs = { missing: new Backoff(clock, PAUSES), refused: new Backoff(clock, PAUSES_IF_REFUSED) };
  for (let tries = 1; !signal.aborted; tries += 1) {
    try {
      await look();
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (tries === TRIES_BEFORE_WORD) onWait(explain(error));
      await backoffs[error instanceof JetStreamApiError ? "missing" : "refused"].pause(signal);
    }
  }
}
