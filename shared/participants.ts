// Who must be asked: one KV entry for each participant, written by the operator.
import { z } from "zod";
import { type HookName, hookNames } from "./hooks.ts";

const MINUTE = 60_000;

export const OnTimeout = z.enum(["defer", "refuse", "proceed"]);

export const Participant = z.object({
  hooks: z
    .array(z.enum(hookNames as [HookName, ...HookName[]]))
    .min(1)
    .describe("The hooks it must be asked at."),
  hosts: z.array(z.string().min(1)).min(1).default(["*"]).describe('Host names, or "*" for all.'),
  timeout_ms: z
    .number()
    .int()
    .positive()
    .default(10 * MINUTE)
    .describe("Since the event or its last progress."),
  max_ms: z
    .number()
    .int()
    .positive()
    .default(60 * MINUTE)
    .describe("However often it reports progress."),
  on_timeout: OnTimeout.default("defer").describe("What running out of time counts as."),
});
export type Participant = z.infer<typeof Participant>;

/** A participant as it was when an event was published; who comes later is not waited for. */
export const Asked = Participant.pick({ timeout_ms: true, max_ms: true, on_timeout: true }).extend({
  name: z.string(),
});
export type Asked = z.infer<typeof Asked>;

/** The person at the command line: never waited for, but decides at once whatever is waited for. */
export const OPERATOR = "operator";

/** Names that `ouroboros participant add` refuses: the built-in ones. */
export const isReserved = (name: string): boolean => name === OPERATOR || name.startsWith("exec_");

export const mustBeAsked = (participant: Participant, hook: HookName, host: string): boolean =>
  participant.hooks.includes(hook) && (participant.hosts.includes("*") || participant.hosts.includes(host));
