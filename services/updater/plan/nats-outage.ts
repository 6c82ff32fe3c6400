// NATS is waited for without end, but not while dependencies are stopped: a run that is cut off from it for too long then is
// given up. What it waits for ends as if the service was told to stop, the dependencies run again, and the run stays open:
// it is taken up, as after a crash, when NATS answers.
import type { NatsConnection } from "nats";
import { type Clock, firstOf } from "../../../shared/clock.ts";
import { NatsAwayTooLong, Suspended } from "../../../shared/errors.ts";
import { MAX_WAIT_WHILE_STOPPED_MS, type ConnectedUpdater, type Updater } from "../updater.ts";

/** @throws CutOff */
export async function runUntilCutOff(
  updater: Updater,
  work: (connected: ConnectedUpdater) => Promise<void>,
  atMost = MAX_WAIT_WHILE_STOPPED_MS,
): Promise<void> {
  const { bus } = updater;
  const cutOff = new AbortController();
  const signal = firstOf(bus.signal, cutOff.signal);
  const whileStopped = () => watchConnection({ ...bus, atMost, cutOff });
  try {
    await work({ ...updater, bus: { ...bus, signal }, limitNatsOutage: whileStopped });
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

const LOOK_EVERY_MS = 5000;
const ANSWER_WITHIN_MS = 3000;

function watchConnection({ nats, clock, atMost, cutOff }: WatchedConnection): Disposable {
  const over = new AbortController();
  const looking = async (): Promise<void> => {
    for (let answered = clock.monotonic(); !over.signal.aborted;) {
      if (await isConnectionAnswering(nats, clock, over.signal)) answered = clock.monotonic();
      else if (clock.monotonic() - answered >= atMost) cutOff.abort();
      await clock.sleep(Math.min(LOOK_EVERY_MS, atMost / 4), over.signal);
    }
  };
  void looking();
  return { [Symbol.dispose]: () => over.abort() };
}

async function isConnectionAnswering(
  nats: NatsConnection,
  clock: Clock,
  over: AbortSignal,
): Promise<boolean> {
  const told = nats.rtt().then(
    () => true,
    () => false,
  );
  return Promise.race([told, clock.sleep(ANSWER_WITHIN_MS, over).then(() => false)]);
}
