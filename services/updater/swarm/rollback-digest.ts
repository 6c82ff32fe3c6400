// Rollback of a service: the digest that it had before its last update, by the records of this host.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { updateFailures } from "../../../shared/catalogue/update-failures.ts";
import { whyNoRollback } from "../../../shared/nats/past-updates.ts";
import { readUpdateRecord } from "../journal/update-records.ts";
import type { Run, UpdateEntry } from "../updater.ts";

/** @throws Error that says why there is no way back */
export async function findRollbackDigest({ bus }: Run, { facts }: UpdateEntry): Promise<string> {
  const last = await readUpdateRecord({ ...bus.context, host: bus.host }, facts.name);
  if (last === undefined) throw new Error(reasonOf(updateFailures.noEarlierUpdate));
  const because = whyNoRollback(last, facts.imageId);
  if (because !== undefined) throw new Error(because);
  if (last.image !== facts.reference)
    throw new Error(
      reasonOf(updateFailures.earlierImageForeign, {
        image: last.from_digest ?? last.from,
        reference: facts.reference,
      }),
    );
  return last.from;
}
