// What was recorded about digests, as it matters before a plan is made: what the operator has refused is in no plan, and
// what an approval changes about a hold. Who else must be asked the updater's gate knows.
import type { JetStreamManager } from "@nats-io/jetstream";
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { skipReasons } from "../../../shared/catalogue/skip-reasons.ts";
import {
  type ImageDigest,
  type StoredApproval,
  imageDigestText,
  isInForce,
  readApproval,
} from "../../../shared/contract/approvals.ts";
import type { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { OPERATOR } from "../../../shared/contract/participants.ts";
import { BUCKETS, approvalKey } from "../../../shared/contract/subjects.ts";
import { decodeToken } from "../../../shared/contract/subject-tokens.ts";
import { isUnavailable, readMessages } from "../../../shared/nats/jetstream.ts";
import { streamOf } from "../../../shared/nats/topology.ts";

/** What somebody has recorded about a digest. */
export interface RecordedApproval {
  readonly by: string;
  readonly entry: StoredApproval;
  /** When it was stored: server time, milliseconds since 1970. */
  readonly at: number;
}

/** Empty where NATS has no such bucket yet, or the keys of an earlier version may not read it. */
export async function readApprovals(
  manager: JetStreamManager,
  image: ImageDigest,
): Promise<RecordedApproval[]> {
  const found: RecordedApproval[] = [];
  const prefix = `$KV.${BUCKETS.approvals}.`;
  try {
    const subject = `${prefix}${approvalKey("*", image)}`;
    for await (const message of readMessages(manager, streamOf(BUCKETS.approvals), subject)) {
      if (message.header.has("KV-Operation")) continue;
      const [voter = ""] = message.subject.slice(prefix.length).split(".");
      found.push({
        by: decodeToken(voter),
        entry: readApproval(message.string(), image.digest),
        at: message.time.getTime(),
      });
    }
  } catch (error) {
    if (!isUnavailable(error)) throw error;
  }
  return found;
}

/** Why the operator lets no host take the digest. What cannot be understood keeps it away, too. */
export function whyRefused(
  image: ImageDigest,
  recorded: readonly RecordedApproval[],
  now: number,
): string | undefined {
  const entry = recorded.find(({ by }) => by === OPERATOR)?.entry;
  if (entry === undefined || !isInForce(entry, { now })) return undefined;
  const values = { image: imageDigestText(image) };
  if ("unreadable" in entry)
    return reasonOf(skipReasons.approvalUnreadable, { ...values, because: entry.unreadable });
  if (entry.verdict === "proceed") return undefined;
  const { verdict, reason = "no reason given" } = entry;
  return verdict === "refuse"
    ? reasonOf(skipReasons.refusedDigest, { ...values, because: reason })
    : reasonOf(skipReasons.deferredDigest, { ...values, because: reason });
}

/** A hold, and when it was stored (server time). */
export interface StoredHold {
  readonly held: HeldEntry;
  readonly at: number;
}

/**
 * Whether somebody has approved the digest since it was held, whose word may end that: who held it, a member of the group
 * that did, or the operator. It is asked about anew then. A rolled back or failed update stays held.
 */
export const isLifted = (
  { held, at }: StoredHold,
  recorded: readonly RecordedApproval[],
  now: number,
): boolean =>
  (held.end === "deferred" || held.end === "refused") &&
  recorded.some(
    ({ by, entry, at: approvedAt }) =>
      approvedAt > at &&
      !("unreadable" in entry) &&
      entry.verdict === "proceed" &&
      isInForce(entry, { now }) &&
      (by === OPERATOR || by === held.by || held.by.startsWith("group ")),
  );
