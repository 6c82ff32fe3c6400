// The rows of the command table about approvals of digests. Pure.
import * as z from "zod";
import { isReserved } from "../../shared/contract/participants.ts";
import { parseImageRef } from "../../shared/registry/image-ref.ts";
import { duration } from "../../shared/settings/setting-values.ts";
import type { Command } from "./command.ts";
import { nonEmptyText } from "./argument-types.ts";

const imageDigest = z.string().transform((text, context) => {
  const { name, digest } = parseImageRef(text) ?? {};
  if (name !== undefined && digest !== undefined) return { repository: name, digest };
  context.addIssue("allowed is IMAGE@DIGEST, and the digest is missing");
  return z.NEVER;
});

/** A time, in milliseconds since 1970, from the present one. */
const when = z.string().transform((text, context): ((now: number) => number) => {
  const { data } = duration.safeParse(text);
  if (data !== undefined) return (now) => now + data;
  const at = Date.parse(text);
  if (Number.isNaN(at)) context.addIssue("allowed is a duration, as 3d, or a time, as 2026-12-24T18:00Z");
  return () => at;
});

const voter = nonEmptyText.refine(
  (text) => !isReserved(text),
  "is reserved for a part of Ouroboros; leave --as out to speak as the operator",
);

const AS = {
  value: "NAME",
  read: voter,
  offers: "participants",
  says: "The participant whose verdict it is; without it the operator's.",
} as const;
const UNTIL = {
  value: "WHEN",
  read: when,
  says: "It counts until then, a duration from now or a time; without it for a year.",
} as const;
const REASON = { value: "TEXT", read: z.string().trim().min(1, "say why"), says: "Why." } as const;

export const approvalCommands = {
  approve: {
    says: "Approves an image for all hosts, bound to its digest; without a name lists what waits for that, and what was said.",
    more:
      "What is said counts for this digest only: when the tag moves, the new image is asked about anew. Hosts that come later find it. " +
      "An approval of the operator counts for the participants that answer by digest (`ouroboros participant add --by-digest`) and have " +
      "not said anything themselves; nobody else is skipped, and no script. With --as it is the verdict of that participant, " +
      "who is not asked about this digest any more. Works with the operator's key, and with the participant's own for itself.",
    arguments: {
      IMAGE: { says: "IMAGE@DIGEST: repository and digest.", read: imageDigest, optional: true },
    },
    options: {
      as: AS,
      reason: REASON,
      until: UNTIL,
      withdraw: { says: "Takes back what was said, be it approval or refusal." },
    },
    json: true,
  },
  refuse: {
    says: "Refuses an image for all hosts, bound to its digest.",
    more:
      "No host takes what the operator refuses, whatever others say; `ouroboros explain` tells of it. With --as it is the verdict of that " +
      "participant, at the events at which it is asked. An update that is under way is not stopped. `ouroboros approve` undoes it.",
    arguments: { IMAGE: { says: "IMAGE@DIGEST: repository and digest.", read: imageDigest } },
    options: { as: AS, reason: { ...REASON, required: true }, until: UNTIL },
    json: true,
  },
} as const satisfies Readonly<Record<string, Command>>;
