import assert from "node:assert/strict";
import { connect } from "nats";
import { afterEach, beforeEach, describe, it } from "mocha";
import { runUntilCutOff } from "../../../../services/updater/plan/nats-outage.ts";
import type { ConnectedUpdater, Updater } from "../../../../services/updater/updater.ts";
import { systemClock as clock } from "../../../../shared/clock.ts";
import { NatsAwayTooLong, Suspended } from "../../../../shared/errors.ts";
import { type NatsServer, startNats } from "../../../bed/bed.ts";

const AT_MOST_MS = 1500;
const LONG_MS = 60_000;

interface Work {
  readonly isStopped: boolean;
  readonly meanwhile: () => Promise<unknown>;
  readonly atMost?: number;
}

describe("a run that NATS leaves alone", () => {
  let server: NatsServer;
  let stop: AbortController;
  beforeEach(async () => {
    server = await startNats();
    stop = new AbortController();
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
  });

  /** The work waits for its signal, as waiting for NATS does, at most so long. */
  async function waiting(
    atLeast: number,
    { isStopped, meanwhile, atMost = AT_MOST_MS }: Work,
  ): Promise<void> {
    await using nats = await connected(server.url);
    const updater = { bus: { nats: nats.connection, clock, signal: stop.signal } } as unknown as Updater;
    await runUntilCutOff(
      updater,
      async ({ bus, limitNatsOutage }: ConnectedUpdater) => {
        using _watched = isStopped ? limitNatsOutage() : undefined;
        await meanwhile();
        await clock.sleep(atLeast, bus.signal);
        if (bus.signal.aborted) throw new Suspended("it was waited for");
      },
      atMost,
    );
  }

  it("while dependencies are stopped is given up", async () => {
    const from = clock.monotonic();
    await assert.rejects(
      waiting(LONG_MS, { isStopped: true, meanwhile: () => server.kill("SIGKILL") }),
      NatsAwayTooLong,
    );
    assert.ok(clock.monotonic() - from >= AT_MOST_MS);
  });

  it("by saying nothing is given up too", async () => {
    const meanwhile = () => Promise.resolve(process.kill(server.pid, "SIGSTOP"));
    await assert.rejects(waiting(LONG_MS, { isStopped: true, meanwhile }), NatsAwayTooLong);
    process.kill(server.pid, "SIGCONT");
  });

  it("is not given up while nothing is stopped", () =>
    waiting(2 * AT_MOST_MS, { isStopped: false, meanwhile: () => server.kill("SIGKILL") }));

  it("is not given up where NATS answers", () => {
    const atMost = 4 * AT_MOST_MS; // a machine that is busy may be slow to answer
    return waiting(atMost + AT_MOST_MS, { isStopped: true, meanwhile: () => Promise.resolve(), atMost });
  });

  it("is as any where the service is told to stop", async () => {
    const meanwhile = () => {
      stop.abort();
      return Promise.resolve();
    };
    await assert.rejects(waiting(LONG_MS, { isStopped: true, meanwhile }), Suspended);
  });
});

async function connected(url: string) {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  return { connection, [Symbol.asyncDispose]: () => connection.close() };
}
