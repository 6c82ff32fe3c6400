// The wire format: CloudEvents 1.0 (structured JSON) for events, a verdict for answers. Everything that comes from
// NATS passes through here once: bytes → schema → type.
import { z } from "zod";
import { type EventContext, type HookName, type Locals, dataSchema } from "./hooks.ts";
import { subjects } from "./subjects.ts";
import { token } from "./tokens.ts";

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

interface Happening<N extends HookName> {
  readonly id: string;
  readonly hook: N;
  readonly service: "poller" | "updater";
  /** The container's name; null for a hook of the whole run. */
  readonly container: string | null;
  /** RFC 3339. */
  readonly time: string;
  readonly context: EventContext;
  readonly locals: Locals<N>;
}

export function makeEvent<N extends HookName>(it: Happening<N>): CloudEvent {
  const { host } = it.context;
  return {
    specversion: "1.0",
    id: it.id,
    source: `//ouroboros/${token(host)}/${it.service}`,
    type: `ouroboros.${it.hook}.v1`,
    subject: it.container ?? "",
    time: it.time,
    datacontenttype: "application/json",
    verdictsubject: templateOf(subjects.verdict(host, "P", it.id)),
    progresssubject: templateOf(subjects.progress(host, "P", it.id)),
    data: { ...it.context, ...it.locals },
  };
}

/** `ouroboros.verdict.<host>.P.<event>` with the participant's token left open. */
function templateOf(subject: string): string {
  const tokens = subject.split(".");
  tokens[3] = "{participant}";
  return tokens.join(".");
}

/** The event's data, checked against its hook's schema. @throws ZodError */
export function dataOf<N extends HookName>(hook: N, event: CloudEvent): Locals<N> & EventContext {
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

/** JSON, or undefined where the text is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
