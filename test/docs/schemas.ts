/**
 * docs/schemas/: a JSON Schema (draft 2020-12) for each message, from the same schemas the code reads them with. What
 * an object holds beside the fields named is allowed everywhere: fields are added, none is taken away.
 */
import * as z from "zod";
import {
  EventContext,
  type HookName,
  type NoticeName,
  dataSchema,
  hookNames,
  hooks,
  noticeNames,
  notices,
} from "../../shared/contract/hooks.ts";
import { Approval } from "../../shared/contract/approvals.ts";
import { CloudEvent, Notice, Verdict } from "../../shared/contract/messages.ts";
import { Participant } from "../../shared/contract/participants.ts";
import {
  containerPayload,
  imagePayload,
  servicePayload,
  updateable,
  updateableService,
} from "../../shared/contract/payloads.ts";
import { RunRecord } from "../../shared/contract/run-records.ts";

/** Parts that schemas refer to by name instead of repeating them. */
export const parts = {
  Container: containerPayload(),
  Service: servicePayload(),
  Image: imagePayload(),
  Update: updateable(),
  ServiceUpdate: updateableService(),
} as const;
for (const [id, schema] of Object.entries(parts)) z.globalRegistry.add(schema, { id });

export const eventSchema = (hook: HookName): z.ZodType =>
  CloudEvent.extend({
    type: z.literal(`ouroboros.${hook}.v1`),
    data: dataSchema(hook),
  }).describe(`${hook}: ${hooks[hook].says}`);

export const noticeSchema = (name: NoticeName): z.ZodType =>
  Notice.extend({ type: z.literal(`ouroboros.${name}.v1`), data: dataSchema(name) }).describe(
    `${name}: ${notices[name].says}`,
  );

/** File name without its end → what it describes. */
export const messages: Readonly<Record<string, z.ZodType>> = {
  ...Object.fromEntries(hookNames.map((hook) => [hook, eventSchema(hook)])),
  ...Object.fromEntries(noticeNames.map((name) => [name, noticeSchema(name)])),
  event: CloudEvent.extend({ data: EventContext }).describe(
    "Any event: what all of them have in common, also those of hooks that this version does not know.",
  ),
  verdict: Verdict.describe("A participant's answer, where it is not plain text."),
  approval: Approval.describe(
    "An entry of the bucket OUROBOROS_APPROVALS: a participant's verdict about a digest, for all hosts.",
  ),
  progress: z
    .unknown()
    .describe("A sign that a participant is still at it. What it holds does not matter, its subject counts."),
  participant: Participant.describe("An entry of the bucket OUROBOROS_PARTICIPANTS: who must be asked."),
  "run-record": RunRecord.describe("A record of a run's journal. Skip kinds that you do not know."),
};

export const schemaOf = (schema: z.ZodType): object => z.toJSONSchema(schema, { io: "input" });
