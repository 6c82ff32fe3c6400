// Has the ledger count how updates of the host end. They are heard as they are recorded; a roll-back that was not heard, as
// by a poller that was down, is read from the hold that the updater has left: it lasts until the tag moves. A rollback that the
// operator asked for is no update to the image before: the poller sees that it runs.
import type { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { parseRunRecord } from "../../../shared/contract/run-records.ts";
import { subjects } from "../../../shared/contract/subjects.ts";
import { kindOfEnd } from "../../../shared/contract/update-end.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import type { Candidate } from "../plan/plan.ts";
import type { Polling } from "../polling.ts";
import type { ImageUpdateEnd } from "./ledger.ts";
import { ledgerTime } from "./ledger-time.ts";
import { wasRolledBack } from "./observe.ts";

/** Until disposed of. */
export function followUpdateEnds(
  polling: Pick<Polling, "nats" | "host" | "ledger" | "manager" | "clock">,
): Disposable {
  const { nats, host, ledger } = polling;
  const note = async (ended: Omit<ImageUpdateEnd, "at">): Promise<void> => {
    ledger.noteEnd({ ...ended, at: await ledgerTime(polling) });
    await ledger.save();
  };
  const subscription = nats.subscribe(subjects.run(host.name, "*"), {
    callback: (error, message) => {
      const record = error === null ? parseRunRecord(message.string()) : undefined;
      if (record?.kind !== "ended" || record.image === undefined) return;
      if (kindOfEnd(record) === "rolled_back_by_operator") return;
      const image = parseImageRef(record.to_image ?? record.image)?.familiar;
      const digest = record.to_digest?.split("@")[1];
      if (image !== undefined && digest !== undefined) void note({ image, digest, end: record.end });
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}

interface HeldContainers {
  readonly candidates: readonly Candidate[];
  /** By container name. */
  readonly held: ReadonlyMap<string, HeldEntry>;
}

/** Counts the roll-backs that are held and that the ledger does not know of. */
export async function noteHeldRollbacks(
  polling: Pick<Polling, "host" | "ledger" | "manager" | "clock">,
  { candidates, held }: HeldContainers,
): Promise<void> {
  const { ledger } = polling;
  const unknown = candidates.flatMap(({ facts, ref, lower = [] }) => {
    const { digest, end } = held.get(facts.name) ?? {};
    if (digest === undefined || (end !== "rolled_back" && end !== "stuck")) return [];
    const images = [ref, ...lower].map(({ familiar }) => familiar);
    const image = images.find((one) => ledger.entryOf(one).stays.some((stay) => stay.digest === digest));
    const isKnown =
      image === undefined ||
      ledger.entryOf(image).uses.some((use) => use.digest === digest && wasRolledBack(use));
    return isKnown ? [] : [{ image, digest, end }];
  });
  if (unknown.length === 0) return;
  const at = await ledgerTime(polling);
  for (const one of unknown) ledger.noteEnd({ ...one, at });
  void ledger.save();
}
