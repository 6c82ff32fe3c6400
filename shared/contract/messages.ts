// The wire format: CloudEvents 1.0 (structured JSON) for events, verdicts for answers. Everything that arrives from
// NATS is validated here once: bytes → schema → type.
import * as z from "zod";
import {
  type EventContext,
  type HookName,
  type Locals,
  type NoticeData,
  type NoticeName,
  dataSchema,
} from "./hooks.ts";
import { subjects } from "./subjects.ts";
import { encodeToken } from "./subject-tokens.ts";

/** The largest event that the hook stream accepts, in bytes. */
export const MAX_EVENT_BYTES = 256 * 1024;

/** No gate waits longer, however often a participant reports progress; and a notice of that age is no news. */
export const EVENT_LIFE_MS = 3_600_000;

/** CloudEvents 1.0, section "Context Attributes"; `verdictsubject` and `progresssubject` are our extensions. */
export const CloudEvent = z.object({
  specversion: z.literal("1.0"),
  id: z.string().min(1),
  source: z.string(),
  type: z.string(),
  subject: z.string(),
  time: z.string(),
  datacontenttype: z.literal("application/json"),
  verdictsubject: z.string().describe("Where a verdict goes; `{participant}` is to be filled in."),
  progresssubject: z.string().describe('Where "still at it" goes; `{participant}` is to be filled in.'),
  data: z.record(z.string(), z.unknown()),
});
export type CloudEvent = z.infer<typeof CloudEvent>;

/** No verdict is awaited, so a notice names no subjects for verdicts and progress. */
export const Notice = CloudEvent.omit({ verdictsubject: true, progresssubject: true });
export type Notice = z.infer<typeof Notice>;

interface EventDetails {
  readonly id: string;
  readonly service: "poller" | "updater";
  /** The container's name; null for an event of the whole run. */
  readonly container: string | null;
  /** RFC 3339. */
  readonly time: string;
  readonly context: EventContext;
}

export function makeEvent<N extends HookName>(
  details: EventDetails & { readonly hook: N; readonly locals: Locals<N> },
): CloudEvent {
  const { id, context, hook, locals } = details;
  return {
    ...envelopeOf(details, hook),
    verdictsubject: templateOf(subjects.verdict(context.host, "P", id)),
    progresssubject: templateOf(subjects.progress(context.host, "P", id)),
    data: { ...context, ...locals },
  };
}

export function makeNotice<N extends NoticeName>(
  details: EventDetails & { readonly notice: N; readonly data: NoticeData<N> },
): Notice {
  return { ...envelopeOf(details, details.notice), data: { ...details.context, ...details.data } };
}

const envelopeOf = (
  { id, service, container, time, context }: EventDetails,
  name: HookName | NoticeName,
) => ({
  specversion: "1.0" as const,
  id,
  source: `//ouroboros/${encodeToken(context.host)}/${service}`,
  type: `ouroboros.${name}.v1`,
  subject: container ?? "",
  time,
  datacontenttype: "application/json" as const,
});

/** Replaces the participant's token in `ouroboros.verdict.<host>.P.<event>` with a placeholder. */
function templateOf(subject: string): string {
  const tokens = subject.split(".");
  tokens[3] = "{participant}";
  return tokens.join(".");
}

/** The event's data, checked against its hook's schema. @throws ZodError */
export function parseEventData<N extends HookName>(hook: N, event: CloudEvent): Locals<N> & EventContext {
  return dataSchema(hook).parse(event.data) as Locals<N> & EventContext;
}

export const VerdictWord = z.enum(["proceed", "refuse", "defer"]);
export type VerdictWord = z.infer<typeof VerdictWord>;

const Answer = z.object({
  verdict: VerdictWord,
  reason: z
    .string()
    .transform((text) => text.slice(0, 12_000))
    .optional(),
  retry_after_s: z
    .number()
    .positive()
    .max(365 * 86_400)
    .optional(),
});
export const Verdict = Answer.extend({
  containers: z
    .record(z.string(), z.union([VerdictWord.transform((verdict) => ({ verdict })), Answer]))
    .optional()
    .describe("At updates_enumerated: a verdict for single containers, by name."),
});
export type Verdict = z.infer<typeof Verdict>;
export type Answer = z.infer<typeof Answer>;

/**
 * Parses a participant's verdict: a JSON object, or `proceed`, `refuse: reason`, `defer: reason`. Undefined for any
 * other text, and for messages that a NATS server wrote: the server replies to whatever subject a requester names, so
 * PubAcks, API answers, status messages and stored messages can turn up on verdict subjects. They are never verdicts.
 */
export function parseVerdict(message: {
  readonly text: string;
  readonly fromStream: boolean;
}): Verdict | undefined {
  if (message.fromStream) return undefined;
  const text = message.text.trim();
  const plain = /^(proceed|refuse|defer)(?::\s*(.*))?$/su.exec(text);
  const candidate = plain
    ? { verdict: plain[1], ...(plain[2] ? { reason: plain[2] } : {}) }
    : parseJson(text);
  const result = Verdict.safeParse(candidate);
  return result.success ? result.data : undefined;
}

/**
 * Nothing that Ouroboros stores comes near this. A bucket accepts larger values, and parsing costs fifty times the
 * size.
 */
const MAX_JSON = 2 ** 20;

/** The body names its command, so that no server message and no stored message can pass for a command. */
export const makeCommandBody = (command: string, more: object = {}): string =>
  JSON.stringify({ command, ...more });

export const isCommand = (command: string, text: string): boolean =>
  z.object({ command: z.literal(command) }).safeParse(parseJson(text)).success;

/** Parses JSON; undefined where the text is not JSON, or too large to come from Ouroboros. */
export function parseJson(text: string): unknown {
  if (text.length > MAX_JSON) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
