// The schemas of what commands print with `-o json`. Programs rely on them: fields may be added, none is removed.
// docs/commands.md shows them. Pure.
import * as z from "zod";
import { RateLimit } from "../../shared/contract/rate-limit.ts";
import { DigestVerdict } from "../../shared/contract/approvals.ts";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { hookNames } from "../../shared/contract/hooks.ts";
import { CloudEvent, Notice, VerdictWord } from "../../shared/contract/messages.ts";
import { OnTimeout, Participant } from "../../shared/contract/participants.ts";
import { tagReport } from "../../shared/contract/payloads.ts";
import {
  DecisionRecord,
  FinishedRecord,
  ResultRecord,
  UpdateResult,
} from "../../shared/contract/run-records.ts";
import { UpdateCounts } from "../../shared/contract/service-status.ts";

const time = z.string().describe("RFC 3339.");
const host = z.string();
const hook = z.enum(hookNames as [string, ...string[]]);
const container = z.string().nullable().describe("null at hooks of a whole run.");
const event = z.string().describe("Id of the event.");
const run = z.string().describe("Id of the run.");

export const NamedParticipant = Participant.extend({ name: z.string() });
export type NamedParticipant = z.infer<typeof NamedParticipant>;

/** A participant whose entry cannot be parsed: the updates that it may concern are deferred. */
export const UnreadableParticipant = z.object({
  name: z.string(),
  unreadable: z.string().describe("Why its entry cannot be read: updates it may be asked about are put off."),
});
export type UnreadableParticipant = z.infer<typeof UnreadableParticipant>;

export const ParticipantVerdict = z.object({
  at: time,
  host,
  event,
  hook,
  container,
  verdict: VerdictWord,
  reason: z.string().optional(),
  ms: z.number().describe("From the event to the verdict."),
  timed_out: z.boolean().optional().describe("It did not answer in time; this is what that counted as."),
});
export type ParticipantVerdict = z.infer<typeof ParticipantVerdict>;

export const ParticipantDetails = NamedParticipant.extend({
  added: time,
  consumer: z
    .object({
      name: z.string(),
      pulls: z.number().describe("How many requests for events are open now: 0 if it does not listen."),
      undelivered: z.number().describe("Events that wait to be fetched."),
      unacknowledged: z.number().describe("Events that were fetched and not acknowledged."),
      last_delivered: time.nullable(),
      last_acknowledged: time.nullable(),
    })
    .nullable()
    .describe("Where its events come from; null where it is missing."),
  answers: z.array(ParticipantVerdict).describe("Its last verdicts, the newest first."),
});
export type ParticipantDetails = z.infer<typeof ParticipantDetails>;

export const ParticipantTestResult = z.object({
  name: z.string(),
  fine: z.boolean(),
  checks: z.array(
    z.object({
      check: z.string(),
      fine: z.boolean(),
      found: z.string(),
      advice: z.string().optional().describe("What to do."),
    }),
  ),
});
export type ParticipantTestResult = z.infer<typeof ParticipantTestResult>;

export const PendingEvent = z.object({
  event,
  host,
  hook,
  container,
  run,
  since: time,
  until: time.describe("When the time of the participants ends, unless they report progress."),
  at_most: time.describe("When their time ends in any case."),
  waiting_for: z.array(
    z.object({
      participant: z.string(),
      until: time,
      at_most: time,
      on_timeout: OnTimeout,
      advisory: z.boolean().optional(),
      group: z.string().optional(),
    }),
  ),
  answered: z.array(
    z.object({ participant: z.string(), verdict: VerdictWord, reason: z.string().optional() }),
  ),
  updater: z.boolean().describe("Whether an updater acts on the host; without one nothing is decided."),
});
export type PendingEvent = z.infer<typeof PendingEvent>;

export const DecidedRecord = z
  .object({ at: time, host, run, n: z.number(), writer: z.string() })
  .extend(DecisionRecord.shape);
export type DecidedRecord = z.infer<typeof DecidedRecord>;

/** A line of `ouroboros events -o json`. */
export const EventLine = z.union([CloudEvent, Notice, DecidedRecord]);

export const HistoryEntry = z.object({
  ...{ at: time, host, run },
  ...ResultRecord.omit({ kind: true, with: true, from_digest: true, to_digest: true, steps: true }).shape,
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

export const Problem = z.object({
  container: z.string().nullable().describe("null where it is about the host."),
  because: z.string().describe("What is wrong, and what mends it."),
});
export type Problem = z.infer<typeof Problem>;

export const HostStatus = z.object({
  host,
  engine_id: z.string().nullable(),
  ouroboros: z.string().nullable().describe("Version of the poller."),
  api: z.string().nullable().describe("Version of the Engine API that is spoken."),
  poller: z.boolean().describe("Whether it answers."),
  last_seen: time.nullable().describe("When the poller last wrote its entry."),
  last_poll: time.nullable(),
  polled: z.string().nullable().describe("The result of the last poll."),
  updater: z.enum(["idle", "busy", "away"]),
  trouble: z.array(z.string()).describe("What keeps the updater from working, a sentence each."),
  last_run: z
    .object({
      run,
      at: time,
      ends: z.record(z.string(), UpdateResult).nullable().describe("null while it goes on."),
      rollback: FinishedRecord.shape.rollback,
    })
    .nullable(),
  wrong: z.array(Problem).describe("What --trouble shows."),
  poll_failed: z.string().nullable().describe("Why the last poll failed; null where it did not."),
  registry_failures: z
    .array(z.object({ because: z.string(), containers: z.array(z.string()) }))
    .describe("Why registries gave no digest in the last poll, and for which containers."),
  unseen: z
    .array(z.object({ container: z.string(), because: z.string() }))
    .describe("Containers that the Engine could not show in the last poll."),
  stuck: z.array(z.string()).describe("Containers that an update left `stuck`."),
  updates: UpdateCounts.nullable().describe(
    "How many updates the updater has counted (SAVE_COUNTERS); null where it is away.",
  ),
  budgets: z
    .record(z.string(), RateLimit)
    .describe("How many more requests each registry allows, where it says so."),
  pending: z.number().describe("How many events are pending."),
  held: z.array(HeldEntry.extend({ container: z.string() })),
});
export type HostStatus = z.infer<typeof HostStatus>;

export const Status = z.object({
  nats: z.object({ url: z.string(), version: z.string() }),
  summary: z
    .object({
      hosts: z.number(),
      in_trouble: z.number().describe("On how many of them something is wrong."),
      versions: z.record(z.string(), z.number()).describe("Versions of Ouroboros, and on how many hosts."),
    })
    .describe("Of all hosts that were asked, also with --trouble."),
  participants: z.array(z.string()),
  unreadable: z.array(UnreadableParticipant).describe("Those of them whose entry cannot be understood."),
  notifications: z
    .array(
      z.object({
        target: z.string().describe("Without its secrets."),
        pending: z.number().describe("How many notifications wait for it."),
        wrong: z.string().nullable().describe("Why it takes none, or what was given up."),
      }),
    )
    .describe("The targets of the notifier."),
  hosts: z.array(HostStatus),
});
export type Status = z.infer<typeof Status>;

export const Diagnosis = z.object({
  weaknesses: z.array(
    z.object({
      check: z.string(),
      about: z.string().describe("What is weak: a container, a stream, an address."),
      weakness: z.string(),
      mend: z.string(),
    }),
  ),
  unchecked: z
    .array(z.object({ part: z.string(), because: z.string() }))
    .describe("What could not be looked at."),
});

export const Explanation = z.object({
  host,
  container: z.string(),
  id: z.string(),
  image: z.string(),
  because: z.string().describe("What the last poll decided, and why."),
  remedy: z
    .string()
    .nullable()
    .describe("What to do, or that there is nothing; null for a reason of another version."),
  polled_at: time,
  tag: tagReport().optional().describe("Where it has a tag policy: which tag it follows, and why."),
  held: HeldEntry.nullable(),
  said: z.array(DigestVerdict).describe("What was said about the digest that is held, for all hosts."),
  last: z
    .object({ run, at: time, end: UpdateResult, because: z.string(), by: ResultRecord.shape.by })
    .nullable()
    .describe("How the last run with this container ended for it; null if no run of the last 90 days did."),
});
export type Explanation = z.infer<typeof Explanation>;

export const CheckResult = z.object({
  host,
  container: z.string(),
  id: z.string(),
  image: z.string(),
  state: z
    .enum(["newer", "current", "left", "unknown"])
    .describe("`left`: left alone, its registry does not count; `unknown`: the registry gave no digest."),
  because: z.string().describe("What happens to it, or why nothing does."),
  digest: z.string().nullable().describe("The registry's, of the tag that it follows."),
  runs: z.array(z.string()).describe("Digests by which the registry may know the image that it runs."),
  said_at: time.nullable().describe("When the registry said so."),
  tag: tagReport().optional().describe("Where it has a tag policy: which tag it follows, and why."),
});
export type CheckResult = z.infer<typeof CheckResult>;

export const OperatorRequestResult = z.object({
  host,
  container: z.string().describe("As it was asked for."),
  kind: z
    .enum(["begun", "current", "left", "busy", "failed"])
    .describe("`current`: nothing newer; `left`: left alone; `busy`: ask again later."),
  run: run.optional().describe("The run that was begun."),
  because: z.string().optional(),
  ends: z
    .record(z.string(), UpdateResult)
    .optional()
    .describe("With --wait: how the run ended for each container."),
});
export type OperatorRequestResult = z.infer<typeof OperatorRequestResult>;

export const RepairResult = z.object({
  host,
  state: z.enum(["repaired", "busy", "failed", "away"]),
  because: z.string().optional().describe("Why nothing was repaired."),
  restored: z
    .array(z.object({ container: z.string(), run, end: UpdateResult, because: z.string() }))
    .describe("What had been left behind, and how it ended now; `stuck` still needs a person."),
});
export type RepairResult = z.infer<typeof RepairResult>;
