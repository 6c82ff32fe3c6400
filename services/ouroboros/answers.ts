// What the commands print with `-o json`. Programs rely on these shapes: fields may be added, none is taken away.
// docs/commands.md shows them. Pure.
import { z } from "zod";
import { RateBudget } from "../../shared/rate-budget.ts";
import { HeldEntry } from "../../shared/held.ts";
import { hookNames } from "../../shared/hooks.ts";
import { CloudEvent, VerdictWord } from "../../shared/messages.ts";
import { OnTimeout, Participant } from "../../shared/participants.ts";
import { Decided, End } from "../../shared/run-records.ts";

const time = z.string().describe("RFC 3339.");
const host = z.string();
const hook = z.enum(hookNames as [string, ...string[]]);
const container = z.string().nullable().describe("null at hooks of a whole run.");
const event = z.string().describe("Id of the event.");
const run = z.string().describe("Id of the run.");

export const NamedParticipant = Participant.extend({ name: z.string() });
export type NamedParticipant = z.infer<typeof NamedParticipant>;

/** Its entry cannot be understood: what it may concern is put off. */
export const UnreadableParticipant = z.object({
  name: z.string(),
  unreadable: z.string().describe("Why its entry cannot be understood: what it may concern is put off."),
});
export type UnreadableParticipant = z.infer<typeof UnreadableParticipant>;

export const Answered = z.object({
  at: time,
  host,
  event,
  hook,
  container,
  verdict: VerdictWord,
  reason: z.string().optional(),
  ms: z.number().describe("From the event to the verdict."),
  timed_out: z.boolean().optional().describe("It said nothing; this is what that counted as."),
});
export type Answered = z.infer<typeof Answered>;

export const ShownParticipant = NamedParticipant.extend({
  added: time,
  consumer: z
    .object({
      name: z.string(),
      pulls: z.number().describe("How many requests for events wait at this moment: 0 where nobody listens."),
      undelivered: z.number().describe("Events that wait to be fetched."),
      unacknowledged: z.number().describe("Events that were fetched and not acknowledged."),
      last_delivered: time.nullable(),
      last_acknowledged: time.nullable(),
    })
    .nullable()
    .describe("Where its events come from; null where it is missing."),
  answers: z.array(Answered).describe("Its last verdicts, the newest first."),
});
export type ShownParticipant = z.infer<typeof ShownParticipant>;

export const TestedParticipant = z.object({
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
export type TestedParticipant = z.infer<typeof TestedParticipant>;

export const Pending = z.object({
  event,
  host,
  hook,
  container,
  run,
  since: time,
  until: time.describe("When everyone is out of time who reports no progress."),
  at_most: time.describe("When everyone is out of time whatever they report."),
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
export type Pending = z.infer<typeof Pending>;

export const DecidedRecord = z
  .object({ at: time, host, run, n: z.number(), writer: z.string() })
  .extend(Decided.shape);
export type DecidedRecord = z.infer<typeof DecidedRecord>;

/** A line of `ouroboros events -o json`. */
export const EventLine = z.union([CloudEvent, DecidedRecord]);

export const HistoryEntry = z.object({
  at: time,
  host,
  container: z.string(),
  end: End,
  because: z.string(),
  run,
  from: z.string().optional().describe("Image id before."),
  to: z.string().optional().describe("Image id after, or that was tried."),
  downtime_ms: z.number().optional(),
  ms: z.number().optional(),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

export const Updates = z.object({
  since: time,
  all: z.number(),
  containers: z.record(z.string(), z.number()),
});

export const HostStatus = z.object({
  host,
  engine_id: z.string().nullable(),
  ouroboros: z.string().nullable().describe("Version of the poller."),
  api: z.string().nullable().describe("Version of the Engine API that is spoken."),
  poller: z.boolean().describe("Whether it answers."),
  last_seen: time.nullable().describe("When the poller last noted itself."),
  last_poll: time.nullable(),
  polled: z.string().nullable().describe("What came of the last poll."),
  updater: z.enum(["idle", "busy", "away"]),
  trouble: z.array(z.string()).describe("What keeps the updater from going on, in a sentence each."),
  last_run: z
    .object({ run, at: time, ends: z.record(z.string(), End).nullable().describe("null while it goes on.") })
    .nullable(),
  updates: Updates.nullable().describe(
    "How many updates the updater has counted (SAVE_COUNTERS); null where it is away.",
  ),
  budgets: z
    .record(z.string(), RateBudget)
    .describe("How many more requests each registry allows, where it says so."),
  pending: z.number().describe("Events that are waited for."),
  held: z.array(HeldEntry.extend({ container: z.string() })),
});
export type HostStatus = z.infer<typeof HostStatus>;

export const Status = z.object({
  nats: z.object({ url: z.string(), version: z.string() }),
  participants: z.array(z.string()),
  unreadable: z.array(UnreadableParticipant).describe("Those of them whose entry cannot be understood."),
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
  polled_at: time,
  held: HeldEntry.nullable(),
  last: z
    .object({ run, at: time, end: End, because: z.string() })
    .nullable()
    .describe("How the last run with this container ended for it; null where none did within memory."),
});
export type Explanation = z.infer<typeof Explanation>;

export const Checked = z.object({
  host,
  container: z.string(),
  id: z.string(),
  image: z.string(),
  state: z
    .enum(["newer", "current", "left", "unknown"])
    .describe("`left`: left alone, its registry does not count; `unknown`: the registry gave no digest."),
  because: z.string().describe("What becomes of it, or why nothing does."),
  digest: z.string().nullable().describe("The registry's, of the tag that it follows."),
  runs: z.array(z.string()).describe("Digests by which the registry may know the image that it runs."),
  said_at: time.nullable().describe("When the registry said so."),
});
export type Checked = z.infer<typeof Checked>;

export const Granted = z.object({
  host,
  container: z.string().describe("As it was asked for."),
  kind: z
    .enum(["begun", "current", "left", "busy", "failed"])
    .describe("`current`: nothing newer; `left`: left alone; `busy`: ask again later."),
  run: run.optional().describe("The run that was begun."),
  because: z.string().optional(),
  ends: z.record(z.string(), End).optional().describe("With --wait: how the run ended for each container."),
});
export type Granted = z.infer<typeof Granted>;

export const Repaired = z.object({
  host,
  state: z.enum(["repaired", "busy", "failed", "away"]),
  because: z.string().optional().describe("Why nothing was repaired."),
  restored: z
    .array(z.object({ container: z.string(), run, end: End, because: z.string() }))
    .describe("What had been left behind, and how it ended now; `stuck` still needs a person."),
});
export type Repaired = z.infer<typeof Repaired>;
