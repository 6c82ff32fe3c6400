// What was said about digests, as commands show it. Pure.
import type { DigestVerdict, StoredApproval } from "../../shared/contract/approvals.ts";

export interface SaidOfImage {
  /** IMAGE@DIGEST. */
  readonly image: string;
  readonly verdict: DigestVerdict;
}

export const saidOf = (said: readonly SaidOfImage[], image: string): DigestVerdict[] =>
  said.filter((one) => one.image === image).map(({ verdict }) => verdict);

export const describeApproval = (by: string, entry: StoredApproval): DigestVerdict =>
  "unreadable" in entry
    ? { by, verdict: "defer", reason: `cannot be understood: ${entry.unreadable}`, until: null }
    : { by, verdict: entry.verdict, reason: entry.reason ?? null, until: entry.until ?? null };

/** `proceed by alice; refuse by operator: too new` */
export const saidText = (verdicts: readonly DigestVerdict[]): string =>
  verdicts
    .map(({ by, verdict, reason }) => `${verdict} by ${by}${reason === null ? "" : `: ${reason}`}`)
    .join("; ");
