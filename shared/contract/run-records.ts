// The journal of a run: records on ouroboros.run.<host>.<run>, in order, each of something decided or done. The
// updater writes them with compare-and-set and resumes from them; anyone else may only read.
import * as z from "zod";
import { type HookName, Mode, hookNames } from "./hooks.ts";
import { VerdictWord, parseJson } from "./messages.ts";
import { AskedParticipant } from "./participants.ts";
import { UpdateResult, StepTime } from "./payloads.ts";

export { UpdateResult };

const hook = z.enum(hookNames as [HookName, ...HookName[]]);
const container = z.string().nullable();
const RecordedVerdict = z.object({
  participant: z.string(),
  verdict: VerdictWord,
  reason: z.string().optional(),
  ms: z.number().describe("From the event to the verdict."),
  timed_out: z.boolean().optional(),
});
export type RecordedVerdict = z.infer<typeof RecordedVerdict>;

const PerContainer = z.object({
  verdict: VerdictWord,
  reason: z.string().optional(),
  retry_after_s: z.number().optional(),
  by: z.string().optional(),
});

export const DecisionRecord = z.object({
  kind: z.literal("decided"),
  event: z.string(),
  hook,
  container,
  verdict: VerdictWord,
  by: z.string().optional().describe("Whose verdict decided: who did not proceed, or the operator."),
  reason: z.string().optional(),
  retry_after_s: z.number().optional(),
  verdicts: z.array(RecordedVerdict),
  containers: z.record(z.string(), PerContainer).optional(),
});
export type DecisionRecord = z.infer<typeof DecisionRecord>;

export const ResultRecord = z.object({
  kind: z.literal("ended"),
  container: z.string(),
  end: UpdateResult,
  because: z.string(),
  by: z
    .string()
    .optional()
    .describe("Who or what decided it. `updated` by `operator` is a rollback that the operator asked for."),
  with: z
    .string()
    .optional()
    .describe(
      "The container because of which it was put back: one refers to the other, and they go together.",
    ),
  image: z.string().optional().describe("The image reference it follows, or did before the update."),
  to_image: z
    .string()
    .optional()
    .describe("The image reference that the update gives it, where that is another."),
  from: z.string().optional().describe("Image id before."),
  to: z.string().optional().describe("Image id after, or that was tried."),
  from_digest: z.string().optional().describe("repository@digest of the image before."),
  to_digest: z.string().optional().describe("repository@digest of the image after, or that was tried."),
  from_version: z.string().optional().describe("Version of the image before, by its label."),
  to_version: z.string().optional().describe("Version of the image after, or of the one that was tried."),
  downtime_ms: z.number().optional(),
  ms: z.number().optional().describe("From the start of the run."),
  steps: z.array(StepTime).optional().describe("Of a replacement that was undone: the steps it had done."),
});
export type ResultRecord = z.infer<typeof ResultRecord>;

export const FinishedRecord = z.object({
  kind: z.literal("finished"),
  ends: z.record(z.string(), UpdateResult),
  rollback: z
    .literal(true)
    .optional()
    .describe("The operator asked to go back to the image before: what is `updated` was rolled back."),
  ms: z.number(),
});

const RecordBody = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("begun"), plan: z.string(), mode: Mode, containers: z.array(z.string()) }),
  z.object({
    kind: z.literal("waiting"),
    event: z.string(),
    hook,
    container,
    participants: z.array(AskedParticipant),
    at_most_ms: z.number().optional().describe("The longest wait while a container is stopped."),
  }),
  DecisionRecord,
  z.object({ kind: z.literal("late"), event: z.string(), participant: z.string(), verdict: VerdictWord }),
  z.object({ kind: z.literal("did"), container: z.string(), step: z.string(), ms: z.number() }),
  z.object({
    kind: z.literal("swapping"),
    container: z.string(),
    old_id: z.string(),
    new_id: z.string(),
    to: z.string(),
  }),
  z.object({
    kind: z.literal("applying"),
    container: z.string().describe("The service's name."),
    service: z.string().describe("Its id."),
    version: z.number().describe("Its `Version.Index`, for which alone the Engine takes the update."),
    rolled_back_at: z
      .string()
      .optional()
      .describe("When its last rollback began, which is none of this update."),
    from: z.string().describe("Digest before."),
    to: z.string().describe("Digest of the update."),
  }),
  z.object({
    kind: z.literal("reverting"),
    container: z.string().describe("The service's name."),
    because: z.string(),
    by: z.string(),
  }),
  z.object({
    kind: z.literal("swapped"),
    container: z.string(),
    steps: z.array(StepTime),
    downtime_ms: z.number().optional(),
  }),
  ResultRecord,
  FinishedRecord,
]);
export type RecordBody = z.infer<typeof RecordBody>;

const Envelope = z.object({
  writer: z.string().describe("Random for each updater process."),
  n: z.number().int(),
  at: z.string().describe("RFC 3339."),
  host: z.string(),
  run: z.string(),
});
export const RunRecord = z.intersection(Envelope, RecordBody);
export type RunRecord = z.infer<typeof RunRecord>;

/**
 * Whether the run has left its plan's gate behind: it has recorded more than its start and containers that ended before
 * anybody was asked.
 */
export const isPastPlan = (records: readonly Pick<RunRecord, "kind">[]): boolean =>
  records.some(({ kind }) => kind !== "begun" && kind !== "ended");

/** Undefined where the text is not a record. */
export const parseRunRecord = (text = ""): RunRecord | undefined => RunRecord.safeParse(parseJson(text)).data;

/** The record on `ouroboros.run.<host>.open`: which updater may change the Engine, and which run is under way. */
export const OpenRecord = z.object({
  writer: z.string(),
  n: z.number().int(),
  engine_id: z.string(),
  run: z.string().nullable(),
  plan: z.string().nullable().describe("Event id of the run's plan."),
});
export type OpenRecord = z.infer<typeof OpenRecord>;
