// The updater waits for NATS without limit, but not while dependencies are stopped: a run that is cut off from NATS
// for too long then is given up. Its waits end as if the service was asked to stop, the dependencies are started
// again, and the run stays open. As after a crash, it is resumed when NATS answers.
import type { NatsConnection } from "nats";
import { type Clock, firstOf } from "../../../shared/clock.ts";
import { NatsAwayTooLong, Suspended } from "../../../shared/errors.ts";
import { MAX_WAIT_WHILE_STOPPED_MS, type ConnectedUpdater, type Updater } from "../updater.ts";

/** @throws NatsAwayTooLong */
export async function runUntilCutOff(
  updater: Updater,
  work: (connected: ConnectedUpdater) => Promise<void>,
  atMost = MAX_WAIT_WHILE_STOPPED_MS,
): Promise<void> {
  const { bus } = updater;
  const cutOff = new AbortController();
  const signal = firstOf(bus.signal, cutOff.signal);
  const limitNatsOutage = () => watchConnection({ ...bus, atMost, cutOff });
  try {
    await work({ ...updater, bus: { ...bus, signal }, limitNatsOutage });
  } catch (error) {
    if (!(error instanceof Suspended) || bus.signal.aborted || !cutOff.signal.aborted) throw error;
    throw new NatsAwayTooLong(
      `NATS did not answer for ${atMost / 1000} s; what was stopped runs again, and the run goes on when it does`,
      { cause: error },
    );
  }
}

interface WatchedConnection {
  readonly nats: NatsConnection;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly atMost: number;
  readonly cutOff: AbortController;
}

const CHECK_INTERVAL_MS = 5000;
const ANSWER_TIMEOUT_MS = 3000;

function watchConnection({ nats, clock, atMost, cutOff }: WatchedConnection): Disposable {
  const stopped = new AbortController();
  const watch = async (): Promise<void> => {
    for (let answered = clock.monotonic(); !stopped.signal.aborted;) {
      if (await isConnectionAnswering(nats, clock, stopped.signal)) answered = clock.monotonic();
      else if (clock.monotonic() - answered >= atMost) cutOff.abort();
      await clock.sleep(Math.min(CHECK_INTERVAL_MS, atMost / 4), stopped.signal);
    }
  };
  void watch();
  return { [Symbol.dispose]: () => stopped.abort() };
}

async function isConnectionAnswering(
  nats: NatsConnection,
  clock: Clock,
  stopped: AbortSignal,
): Promise<boolean> {
  const answer = nats.rtt().then(
    () => true,
    () => false,
  );
  return Promise.race([answer, clock.sleep(ANSWER_TIMEOUT_MS, stopped).then(() => false)]);
}
