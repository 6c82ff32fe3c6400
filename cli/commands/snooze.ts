// `ouroboros snooze`: writes what the notifier reads before it tells anything.
import type { KV } from "@nats-io/kv";
import { iso } from "../../shared/clock.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { SNOOZE_KEYS, SnoozeEntry, snoozeKey } from "../../shared/contract/notifier-state.ts";
import { BUCKETS } from "../../shared/contract/subjects.ts";
import { WrongUsage } from "../../shared/errors.ts";
import { usageErrors } from "../../shared/catalogue/usage-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { bucketOf } from "../../shared/nats/jetstream-client.ts";
import { ensureObserversBucket } from "../../shared/nats/topology.ts";
import { formatRelative } from "../../shared/runtime/time-text.ts";
import { listKeys, withFleet } from "../fleet/fleet.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { printJson, printTable } from "../framework/terminal.ts";

export const runSnooze: CommandRunner<"snooze"> = async (given, terminal) => {
  const { NAME: what, for: ms, off, json } = given;
  if (what === undefined && (ms !== undefined || off))
    throw new WrongUsage(messageOf(usageErrors.snoozeWhat));
  if (what !== undefined && (ms === undefined) === !off)
    throw new WrongUsage(messageOf(usageErrors.snoozeHowLong));
  const now = terminal.clock.now();
  const snoozed = await withFleet(terminal, async ({ nats, manager }) => {
    await ensureObserversBucket(manager);
    const bucket = await bucketOf(nats, BUCKETS.observers);
    if (what !== undefined && off) await bucket.delete(snoozeKey(what));
    else if (what !== undefined)
      await bucket.put(
        snoozeKey(what),
        JSON.stringify({ what, until: now + (ms ?? 0) } satisfies SnoozeEntry),
      );
    return listSnoozed(bucket, now);
  });
  if (json)
    printJson(
      terminal,
      snoozed.map(({ what: name, until }) => ({ what: name, until: iso(until) })),
    );
  else if (snoozed.length === 0) terminal.stdout.write("Nothing is silenced.\n");
  else
    printTable(
      terminal,
      ["SILENCED", "UNTIL"],
      snoozed.map(({ what: name, until }) => [name, `${iso(until)}, ${formatRelative(until, now)}`]),
    );
  return 0;
};

async function listSnoozed(bucket: KV, now: number): Promise<SnoozeEntry[]> {
  const entries = (await listKeys(bucket, SNOOZE_KEYS)).map(async (key) => {
    const entry = await bucket.get(key);
    return SnoozeEntry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data;
  });
  return (await Promise.all(entries)).flatMap((entry) => (entry && entry.until > now ? [entry] : []));
}
