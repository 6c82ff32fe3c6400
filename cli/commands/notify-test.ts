// `ouroboros notify test`: puts a message into each outbox and waits until the notifier has delivered it, or could not.
import { randomUUID } from "node:crypto";
import { iso } from "../../shared/clock.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { bucketOf } from "../../shared/nats/jetstream-client.ts";
import { isConflict } from "../../shared/nats/jetstream.ts";
import { type Fleet, withFleet } from "../fleet/fleet.ts";
import { readOutboxes } from "../fleet/outboxes.ts";
import { EXIT } from "../framework/command.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, printJson, sanitize } from "../framework/terminal.ts";

interface TestNotification {
  readonly id: string;
  readonly kind: "test";
  readonly at: string;
  readonly host: string;
}

const WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 300;

interface TestResult {
  readonly target: string;
  readonly sent: boolean;
  readonly because: string | null;
}

export const runNotifyTest: CommandRunner<"notify test"> = async ({ json }, terminal) => {
  const results = await withFleet(terminal, async (fleet) => {
    const id = `test ${randomUUID()}`;
    await addTest(fleet, { id, kind: "test", at: iso(terminal.clock.now()), host: "" });
    return waitForResults(fleet, id, terminal);
  });
  if (json) printJson(terminal, results);
  else
    for (const { target, sent, because } of results)
      terminal.stdout.write(`${target}: ${sent ? "sent" : `not sent: ${sanitize(because ?? "")}`}\n`);
  return results.every(({ sent }) => sent) ? EXIT.done.code : EXIT.notDone.code;
};

/** @throws NotDone where no notifier has run on this NATS. */
async function addTest(fleet: Fleet, notification: TestNotification): Promise<void> {
  const bucket = await bucketOf(fleet.nats, BUCKETS.observers);
  for (let left = await readOutboxes(fleet), isFirst = true; ; isFirst = false) {
    if (isFirst && left.length === 0) throw new NotDone(messageOf(commandErrors.noNotifier));
    const tried = await Promise.all(
      left.map(async ({ key, revision, text }) => {
        const outbox = JSON.parse(text) as { readonly pending: readonly object[] };
        const value = { ...outbox, pending: [...outbox.pending, notification] };
        try {
          await bucket.put(key, JSON.stringify(value), { previousSeq: revision });
          return [];
        } catch (error) {
          if (!isConflict(error)) throw error;
          return [key];
        }
      }),
    );
    const again = tried.flat();
    if (again.length === 0) return;
    left = (await readOutboxes(fleet)).filter(({ key }) => again.includes(key));
  }
}

async function waitForResults(fleet: Fleet, id: string, { clock, signal }: Terminal): Promise<TestResult[]> {
  for (const end = clock.monotonic() + WITHIN_MS; ;) {
    const outboxes = await readOutboxes(fleet);
    const results = outboxes.map(({ state: { target, pending, failing } }): TestResult | undefined => {
      const isPending = pending.some((one) => one.id === id);
      if (!isPending) return { target, sent: true, because: null };
      return failing === null ? undefined : { target, sent: false, because: failing.because };
    });
    const known = results.filter((result) => result !== undefined);
    if (known.length === outboxes.length) return known;
    if (clock.monotonic() > end || signal.aborted)
      return outboxes.map(
        ({ state: { target } }, index) =>
          results[index] ?? { target, sent: false, because: "no notifier took it: is one running?" },
      );
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}
