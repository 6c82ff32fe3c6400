// Which hosts have proved a digest, for those that take only what others have run (COOLDOWN_AFTER). Pure. Times are
// milliseconds since 1970, by the ledger.
//
// 1. A host has proved a digest when it was first seen to run it at least the cooldown ago, and no update to it was rolled
//    back there.
// 2. Only the ledgers of the named hosts are believed, each about its own containers.
// 3. A digest that was rolled back on any of them is not taken at all, however many have proved it.
import type { LedgerEntry } from "../../../shared/contract/ledger.ts";
import { hasRun, wasRolledBack } from "./observe.ts";

/** What one of the named hosts has written down about the image. */
export interface BelievedLedger {
  readonly host: string;
  readonly entry: LedgerEntry;
}

export interface DigestProof {
  readonly provedBy: readonly string[];
  readonly rolledBackOn: readonly string[];
}

export function proofOf(
  digest: string,
  ledgers: readonly BelievedLedger[],
  { cooldownMs, now }: { readonly cooldownMs: number; readonly now: number },
): DigestProof {
  const uses = ledgers.flatMap(({ host, entry }) =>
    entry.uses.filter((use) => use.digest === digest).map((use) => ({ host, use })),
  );
  const rolledBackOn = uses.filter(({ use }) => wasRolledBack(use)).map(({ host }) => host);
  const provedBy = uses
    .filter(({ use }) => !wasRolledBack(use) && hasRun(use) && Date.parse(use.since) <= now - cooldownMs)
    .map(({ host }) => host);
  return { provedBy, rolledBackOn };
}

export const isProved = ({ provedBy, rolledBackOn }: DigestProof, needs: number): boolean =>
  rolledBackOn.length === 0 && provedBy.length >= needs;

/** A host that is named itself is one of those who prove. */
export const othersToProve = (hosts: readonly string[], own: string): string[] =>
  hosts.includes(own) ? [] : [...hosts];
