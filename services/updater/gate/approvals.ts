// Knows what was recorded about digests, by following the bucket of approvals, so that a question needs no listing.
// A NATS of an earlier version has no such bucket until `ouroboros nats-config prepare`.
import { type ImageDigest, type StoredApproval, readApproval } from "../../../shared/contract/approvals.ts";
import { BUCKETS, approvalKey } from "../../../shared/contract/subjects.ts";
import { decodeToken, isToken } from "../../../shared/contract/subject-tokens.ts";
import type { Bus } from "../bus.ts";
import { type BucketEntry, followBucket } from "./follow-bucket.ts";

export class Approvals implements AsyncDisposable {
  /** By key. */
  readonly #known = new Map<string, StoredApproval>();
  #following: AsyncDisposable | undefined;

  /** Resolves when all current entries are known. */
  static async follow(bus: Bus): Promise<Approvals> {
    const approvals = new Approvals();
    const take = (entry: BucketEntry): void => approvals.#take(entry);
    approvals.#following = await followBucket(bus, BUCKETS.approvals, take, { mayLack: true });
    return approvals;
  }

  #take({ key, text }: BucketEntry): void {
    const digest = key.split(".")[2] ?? "";
    if (text === undefined) this.#known.delete(key);
    else this.#known.set(key, readApproval(text, isToken(digest) ? decodeToken(digest) : ""));
  }

  entryOf(voter: string, image: ImageDigest): StoredApproval | undefined {
    return this.#known.get(approvalKey(voter, image));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following?.[Symbol.asyncDispose]();
  }
}
