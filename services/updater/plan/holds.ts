// Holds the digest of an update that was refused, deferred or failed for its container, so that it is not stopped and
// asked about again every five minutes. The updater writes the holds; the poller reads them.
import { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { retryUntilAnswered } from "../../../shared/nats/jetstream.ts";
import { getHeldText } from "../../../shared/nats/reserve.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { OPERATOR } from "../../../shared/contract/participants.ts";
import type { UpdateResult } from "../../../shared/contract/run-records.ts";
import { ROLLED_BACK_BY_OPERATOR } from "../../../shared/contract/update-end.ts";
import { heldKey } from "../../../shared/contract/subjects.ts";
import { readUpdateRecord } from "../journal/update-records.ts";
import type { Bus } from "../bus.ts";
import type { UpdateEntry, Run } from "../updater.ts";

const MAX_BACKOFF_MS = 86_400_000;

export interface Hold {
  readonly container: string;
  readonly digest: string;
  /** The repository of the digest. */
  readonly image?: string;
  readonly end: UpdateResult;
  readonly because: string;
  readonly by: string;
  readonly retryAfterS?: number | undefined;
}

/** Ends that hold until the digest changes, and those that hold for a while. */
const FOR_GOOD: readonly UpdateResult[] = ["refused", "rolled_back", "stuck"];
const FOR_A_WHILE: readonly UpdateResult[] = ["deferred", "failed"];

export const holdDigest = (bus: Bus, hold: Hold): Promise<void> =>
  retryUntilAnswered(bus, () => writeHold(bus, hold));

async function writeHold(bus: Bus, hold: Hold): Promise<void> {
  const key = heldKey(bus.host.name, hold.container);
  const before = await readHeld(bus, hold.container);
  if (hold.end === "updated" && before !== undefined) await bus.held.delete(key);
  if (![...FOR_GOOD, ...FOR_A_WHILE].includes(hold.end)) return;
  const tries = before?.digest === hold.digest ? before.tries + 1 : 1;
  const entry: HeldEntry = {
    digest: hold.digest,
    ...(hold.image !== undefined && { image: hold.image }),
    because: hold.because,
    by: hold.by,
    until: holdUntil(bus, hold, tries),
    end: hold.end,
    tries,
  };
  await bus.held.put(key, JSON.stringify(entry));
}

/**
 * The digest that a rollback led away from is left alone until the tag moves on. A hold on a newer digest stays. A
 * second rollback, which goes forward again, holds nothing. An end other than `updated` changes nothing.
 */
export const holdAfterRollback = (run: Run, entry: UpdateEntry, end: UpdateResult): Promise<void> =>
  end === "updated" ? retryUntilAnswered(run.bus, () => holdRolledBack(run, entry)) : Promise.resolve();

async function holdRolledBack({ bus, journal }: Run, { facts, digest, latest }: UpdateEntry): Promise<void> {
  const key = heldKey(bus.host.name, facts.name);
  const before = await readHeld(bus, facts.name);
  if (before !== undefined && latest.digests.some((name) => name.endsWith(`@${before.digest}`))) {
    await bus.held.delete(key);
    return;
  }
  const isKept = before !== undefined && (before.until === null || before.until > bus.clock.now());
  if (isKept && before.digest !== digest) return;
  const last = await readUpdateRecord({ ...bus.context, host: bus.host }, facts.name);
  if (last?.by === OPERATOR && last.run !== journal.run) return;
  const because = ROLLED_BACK_BY_OPERATOR;
  const entry: HeldEntry = { digest, because, by: OPERATOR, until: null, end: "rolled_back", tries: 1 };
  await bus.held.put(key, JSON.stringify(entry));
}

function holdUntil(bus: Bus, { end, retryAfterS }: Hold, tries: number): number | null {
  if (FOR_GOOD.includes(end)) return null;
  const backoff = Math.min(bus.context.settings.INTERVAL * 2 ** (tries - 1), MAX_BACKOFF_MS);
  return bus.clock.now() + (retryAfterS === undefined ? backoff : retryAfterS * 1000);
}

async function readHeld({ manager, host }: Bus, container: string): Promise<HeldEntry | undefined> {
  const text = await getHeldText(manager, host.name, container);
  return HeldEntry.safeParse(parseJson(text ?? "")).data;
}
