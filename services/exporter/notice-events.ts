// What the exporter reads of the events on the hook stream: the two notices. Other events are none of its business.
import type { JsMsg } from "@nats-io/jetstream";
import * as z from "zod";
import { notices } from "../../shared/contract/hooks.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { decodeToken, isToken } from "../../shared/contract/subject-tokens.ts";

const { update_finished, run_finished } = notices;
const Envelope = z.object({ id: z.string(), time: z.iso.datetime({ offset: true }) });
const UpdateFinished = Envelope.extend({
  data: update_finished.data.pick({ name: true, end: true, by: true, downtime_ms: true }),
});
const RunFinished = Envelope.extend({ data: run_finished.data.pick({ ms: true }) });

export type FinishedNotice =
  | ({ readonly notice: "update_finished"; readonly host: string } & z.infer<typeof UpdateFinished>)
  | ({ readonly notice: "run_finished"; readonly host: string } & z.infer<typeof RunFinished>);

/** Undefined for any other event. The host is the subject's: nobody can publish under another host's name. */
export function parseNotice(message: Pick<JsMsg, "subject" | "string">): FinishedNotice | undefined {
  const [, , token = "", name] = message.subject.split(".");
  if (!isToken(token)) return undefined;
  const host = decodeToken(token);
  if (name === "update_finished") {
    const { data } = UpdateFinished.safeParse(parseJson(message.string()));
    return data && { notice: name, host, ...data };
  }
  if (name === "run_finished") {
    const { data } = RunFinished.safeParse(parseJson(message.string()));
    return data && { notice: name, host, ...data };
  }
  return undefined;
}
