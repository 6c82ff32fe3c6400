// What each command prints with `-o json`. Beside the table of commands, because no command needs it: docs/commands.md
// shows it. Pure.
import * as z from "zod";
import { ImageApprovals } from "./image-approvals.ts";
import { VerdictWord } from "../../shared/contract/messages.ts";
import type { CommandName, commands } from "../framework/command-table.ts";
import { ImageHistory } from "../../shared/contract/image-history.ts";
import {
  CheckResult,
  Diagnosis,
  EventLine,
  Explanation,
  HistoryEntry,
  NamedParticipant,
  OperatorRequestResult,
  ParticipantDetails,
  ParticipantTestResult,
  PendingEvent,
  RepairResult,
  Status,
  UnreadableParticipant,
} from "./output-schemas.ts";

type JsonCommandName = {
  [N in CommandName]: (typeof commands)[N] extends { readonly json: true } ? N : never;
}[CommandName];

export interface CommandOutput {
  readonly schema: z.ZodType;
  /** One document per line. */
  readonly lines?: true;
}

export const commandOutputs: Readonly<Record<JsonCommandName, CommandOutput>> = {
  status: { schema: Status },
  doctor: { schema: Diagnosis },
  explain: { schema: z.array(Explanation) },
  check: { schema: z.array(CheckResult) },
  pending: { schema: z.array(PendingEvent) },
  verdict: {
    schema: PendingEvent.pick({ event: true, host: true, hook: true, container: true }).extend({
      verdict: VerdictWord,
      by: z.string().nullable().describe("Whose verdict decided."),
      reason: z.string().nullable(),
    }),
  },
  events: { schema: EventLine, lines: true },
  history: { schema: z.array(HistoryEntry) },
  image: { schema: ImageHistory },
  approve: { schema: z.array(ImageApprovals) },
  refuse: { schema: z.array(ImageApprovals) },
  update: { schema: OperatorRequestResult },
  rollback: { schema: OperatorRequestResult },
  repair: { schema: z.array(RepairResult) },
  "host forget": {
    schema: z.object({
      forgotten: z.string(),
      entry: z.boolean().describe("Whether a poller had noted the host."),
      held: z.array(z.string()).describe("Containers for which a digest was held."),
      consumers: z.array(z.string()).describe("Those of OUROBOROS_HOOKS that were deleted."),
      ledger: z.number().describe("Of how many images it was deleted what the host had seen of them."),
      participants: z.array(z.string()).describe("Participants whose entries still name the host."),
    }),
  },
  snooze: {
    schema: z.array(z.object({ what: z.string(), until: z.string().describe("RFC 3339.") })),
  },
  "notify test": {
    schema: z.array(
      z.object({
        target: z.string().describe("Without its secrets."),
        sent: z.boolean(),
        because: z.string().nullable().describe("Why not."),
      }),
    ),
  },
  "participant add": { schema: NamedParticipant },
  "participant set": { schema: NamedParticipant },
  "participant list": { schema: z.array(z.union([NamedParticipant, UnreadableParticipant])) },
  "participant show": { schema: ParticipantDetails },
  "participant remove": { schema: z.object({ removed: z.string() }) },
  "participant test": { schema: ParticipantTestResult },
  "nats-config write": {
    schema: z.object({
      folder: z.string(),
      users: z.array(z.string()),
      leaves: z.array(z.string()).describe("The folder for each host's own NATS."),
      removed: z.array(z.string()).describe("Users whose keys are gone."),
    }),
  },
  "nats-config compose": { schema: z.object({ host: z.string(), participants: z.array(z.string()) }) },
  "nats-config prepare": {
    schema: z.object({ prepared: z.object({ hosts: z.array(z.string()), readers: z.array(z.string()) }) }),
  },
  "nats-config hub": { schema: z.object({ copied: z.array(z.string()), readers: z.array(z.string()) }) },
};
