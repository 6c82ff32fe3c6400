// What participants and the operator have said about an image once, for all hosts: one entry of KV OUROBOROS_APPROVALS for
// each of them, repository and digest. The key says whose it is, and NATS lets a participant write its own keys only.
// A new digest has no entries. Pure.
import * as z from "zod";
import { type HookName, hookNames } from "./hooks.ts";
import { Verdict, VerdictWord, parseJson } from "./messages.ts";
import { heaviestOf } from "./verdict-precedence.ts";

/** The hooks at which approvals count: those that ask about a new image before anything is done with it. */
export const approvalHooks = [
  "updates_enumerated",
  "before_update",
  "before_self_update",
  "before_service_update",
] as const satisfies readonly HookName[];

export const countsApprovals = (hook: HookName): boolean =>
  (approvalHooks as readonly HookName[]).includes(hook);

export const Approval = Verdict.omit({ containers: true }).extend({
  digest: z.string().describe("That of its key, so that no other message passes for an approval."),
  until: z.iso
    .datetime({ offset: true })
    .optional()
    .describe("RFC 3339. It counts until then; without it as long as it is stored."),
  hooks: z
    .array(z.enum(hookNames as [HookName, ...HookName[]]))
    .min(1)
    .optional()
    .describe("It counts at these hooks only; without it at all that ask its participant about the image."),
});
export type Approval = z.infer<typeof Approval>;

/** What somebody has said about a digest, as commands show it. */
export const DigestVerdict = z.object({
  by: z.string().describe("A participant, or `operator`."),
  verdict: VerdictWord,
  reason: z.string().nullable(),
  until: z.string().nullable().describe("RFC 3339. It counts until then."),
});
export type DigestVerdict = z.infer<typeof DigestVerdict>;

/** An entry that cannot be understood: it counts as a defer. */
export interface UnreadableApproval {
  readonly unreadable: string;
}

export type StoredApproval = Approval | UnreadableApproval;

/** A repository's image, as `ouroboros approve` takes it and an Engine keeps it. */
export interface ImageDigest {
  /** As the Engine writes it: `nginx`, `ghcr.io/acme/app`. */
  readonly repository: string;
  readonly digest: string;
}

export const imageDigestText = ({ repository, digest }: ImageDigest): string => `${repository}@${digest}`;

/** `digest` is that of the entry's key. */
export function readApproval(text: string, digest: string): StoredApproval {
  const stored = parseJson(text);
  if (stored === undefined) return { unreadable: "it is no JSON" };
  const read = Approval.safeParse(stored);
  if (!read.success) {
    const [issue] = read.error.issues;
    const because = [...(issue?.path ?? []).map(String), issue?.message ?? ""].join(": ");
    return { unreadable: because.slice(0, 200) };
  }
  return read.data.digest === digest ? read.data : { unreadable: "it names another digest than its key" };
}

/** Whether the entry says something at this time (milliseconds since 1970) and hook. */
export const isInForce = (entry: StoredApproval, { hook, now }: ApprovalMoment): boolean =>
  "unreadable" in entry ||
  ((entry.until === undefined || Date.parse(entry.until) > now) &&
    (hook === undefined || entry.hooks === undefined || entry.hooks.includes(hook)));

export interface ApprovalMoment {
  /** Undefined: any hook. */
  readonly hook?: HookName;
  readonly now: number;
}

const UNREADABLE_RETRY_S = 600;

/** The verdict of an entry that is in force. `by` names whose it is. */
export function verdictOfApproval(entry: StoredApproval, by: string): Verdict {
  if ("unreadable" in entry) {
    const reason = `what ${by} has said about this digest cannot be understood: ${entry.unreadable}`;
    return { verdict: "defer", reason, retry_after_s: UNREADABLE_RETRY_S };
  }
  const { verdict, reason, retry_after_s } = entry;
  return {
    verdict,
    reason: `about this digest: ${reason ?? `${verdict} by ${by}`}`,
    ...(retry_after_s !== undefined && { retry_after_s }),
  };
}

/** An image may have several digests in one repository: the heaviest verdict counts. */
export const heaviestVerdict = (verdicts: readonly Verdict[]): Verdict | undefined =>
  heaviestOf(verdicts, ({ verdict }) => verdict);
