// Reads what other hosts have written down about images, for COOLDOWN_AFTER.
import { LedgerEntry } from "../../../shared/contract/ledger.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { BUCKETS } from "../../../shared/contract/subjects.ts";
import { explain } from "../../../shared/errors.ts";
import { inParallel } from "../../../shared/in-parallel.ts";
import { entriesOf } from "../../../shared/nats/bucket-entries.ts";
import type { Polling } from "../polling.ts";
import type { BelievedLedger } from "./proof.ts";

/**
 * By image. What cannot be read proves nothing: without NATS nobody has proved anything, and what waits for that goes on
 * waiting.
 */
export async function readBelieved(
  { manager, host, log }: Pick<Polling, "manager" | "host" | "log">,
  images: readonly string[],
  hosts: readonly string[],
): Promise<ReadonlyMap<string, readonly BelievedLedger[]>> {
  const platform = encodeToken(`${host.engine.os}/${host.engine.arch}`);
  const found = new Map<string, readonly BelievedLedger[]>();
  const tokens = hosts.includes("*") ? ["*"] : hosts.map(encodeToken);
  const readAll = async (image: string): Promise<void> => {
    const ledgers: BelievedLedger[] = [];
    for (const token of tokens) {
      const filter = `${token}.${encodeToken(image)}.${platform}`;
      for await (const [[by = ""], text] of entriesOf(manager, BUCKETS.ledger, filter)) {
        const entry = LedgerEntry.safeParse(parseJson(text)).data;
        if (entry !== undefined) ledgers.push({ host: by, entry });
      }
    }
    found.set(image, ledgers);
  };
  try {
    await inParallel(images, { all: 8 }, readAll);
  } catch (error) {
    log.info({ because: explain(error) }, "ledgers of other hosts cannot be read now");
  }
  return found;
}
