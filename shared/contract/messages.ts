// The wire format: CloudEvents 1.0 (structured JSON) for events, a verdict for answers. Everything that comes from
// NATS passes through here once: bytes → schema → type.
import { z } from "zod";
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

/** The largest event the hook stream takes, in bytes. */
export const MAX_EVENT_BYTES = 256 * 1024;

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

/** Nobody's verdict is waited for, so it names no subject for one. */
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
  it: EventDetails & { readonly hook: N; readonly locals: Locals<N> },
): CloudEvent {
  const { host } = it.context;
  return {
    ...envelopeOf(it, it.hook),
    verdictsubject: templateOf(subjects.verdict(host, "P", it.id)),
    progresssubject: templateOf(subjects.progress(host, "P", it.id)),
    data: { ...it.context, ...it.locals },
  };
}

export function makeNotice<N extends NoticeName>(
  it: EventDetails & { readonly notice: N; readonly data: NoticeData<N> },
): Notice {
  return { ...envelopeOf(it, it.notice), data: { ...it.context, ...it.data } };
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

/** `ouroboros.verdict.<host>.P.<event>` with the participant's token left open. */
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
 * What a participant said: a JSON object or `proceed`, `refuse: reason`, `defer: reason`. Undefined for everything
 * else, and for what a NATS server wrote: its answers go to whatever reply subject a requester names, so PubAcks,
 * API answers, status messages and stored messages turn up on verdict subjects and are never verdicts.
 */
export function parseVerdict(message: {
  readonly text: string;
  readonly fromStream: boolean;
}): Verdict | undefined {
  if (message.fromStream) return undefined;
  const text = message.text.trim();
  const plain = /^(proceed|refuse|defer)(?::\s*(.*))?$/su.exec(text);
  const said = plain ? { verdict: plain[1], ...(plain[2] ? { reason: plain[2] } : {}) } : parseJson(text);
  const result = Verdict.safeParse(said);
  return result.success ? result.data : undefined;
}

/** Nothing that Ouroboros stores is nearly as large; what a bucket takes may be, and would cost fifty times its size. */
const MAX_JSON = 2 ** 20;

/** A command names itself, so that nothing that the server writes and no stored message is one. */
export const makeCommandBody = (command: string, more: object = {}): string =>
  JSON.stringify({ command, ...more });

export const isCommand = (command: string, text: string): boolean =>
  z.object({ command: z.literal(command) }).safeParse(parseJson(text)).success;

/** JSON, or undefined where the text is none, or too large to be of ours. */
export function parseJson(text: string): unknown {
  if (text.length > MAX_JSON) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
