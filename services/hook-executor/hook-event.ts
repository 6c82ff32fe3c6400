// Reads a delivered message as an event of this host, of a hook or a notice. Scripts get the publisher's own text. What
// we act on (hook, host, event id) comes from the subject, which the NATS server's permissions protect.
import type { JsMsg } from "@nats-io/jetstream";
import { Permanent, explain } from "../../shared/errors.ts";
import { type EventContext, type EventName, dataSchema, isHookName } from "../../shared/contract/hooks.ts";
import { CloudEvent, Notice, parseJson } from "../../shared/contract/messages.ts";
import { encodeToken } from "../../shared/contract/subject-tokens.ts";

export interface HookEvent {
  readonly id: string;
  readonly hook: EventName;
  readonly host: string;
  /** The container's name; empty for events of a whole run. */
  readonly container: string;
  readonly data: EventContext & Readonly<Record<string, unknown>>;
  /** The CloudEvent as it was published. */
  readonly text: string;
  /** When the server stored it, milliseconds since 1970. */
  readonly storedAt: number;
}

/**
 * `isWanted` says which names of events are.
 * @throws Permanent for a message that is no such event of this host.
 */
export function readHookEvent(
  message: JsMsg,
  host: string,
  isWanted: (name: string) => name is EventName,
): HookEvent {
  const [, , hostToken, hook = "", , id = ""] = message.subject.split(".");
  if (hostToken !== encodeToken(host) || !isWanted(hook))
    throw new Permanent(`not such an event of ${host}: ${message.subject}`);
  const text = message.string();
  const event = (isHookName(hook) ? CloudEvent : Notice).safeParse(parseJson(text));
  if (!event.success) throw new Permanent(`no CloudEvent: ${event.error.message}`);
  if (event.data.id !== id) throw new Permanent(`the event calls itself ${event.data.id}, its subject ${id}`);
  try {
    return {
      id,
      hook,
      host,
      container: event.data.subject,
      data: dataSchema(hook).parse(event.data.data) as HookEvent["data"],
      text,
      storedAt: message.timestampNanos === undefined ? 0 : Number(message.timestampNanos / 1_000_000n),
    };
  } catch (cause) {
    throw new Permanent(`${hook} without its data: ${explain(cause)}`, { cause });
  }
}
