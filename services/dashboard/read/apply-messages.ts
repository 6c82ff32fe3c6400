// Applies stored messages to the view: each is read once, whatever it holds. What cannot be understood changes nothing
// but the position: what one host writes of itself must not keep the page from showing the others.
import type { StoredMsg } from "@nats-io/jetstream";
import { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { parseHostEntry } from "../../../shared/contract/host-entry.ts";
import { parseJson, parseVerdict } from "../../../shared/contract/messages.ts";
import { readParticipant } from "../../../shared/contract/participants.ts";
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import { decodeToken, isToken } from "../../../shared/contract/subject-tokens.ts";
import type { RunRecordReader } from "../../../shared/nats/run-record-reader.ts";
import type { FleetView } from "../model/fleet-view.ts";
import type { HeardVerdict } from "../model/pending-view.ts";

type Apply = (view: FleetView, message: StoredMsg) => void;

/** The names in a subject, decoded; undefined where they are none. */
function namesIn(subject: string, from: number, count: number): string[] | undefined {
  const tokens = subject.split(".").slice(from);
  return tokens.length === count && tokens.every(isToken) ? tokens.map(decodeToken) : undefined;
}

/** ADR-8 of NATS: the marker of a deleted key. */
const textOf = (message: StoredMsg): string =>
  message.header.get("KV-Operation") === "" ? message.string() : "";

/** Undefined where it is no record of a run, or names no time or no event that NATS could have. */
export function recordIn(message: StoredMsg, readRecord: RunRecordReader): RunRecord | undefined {
  const record = message.subject.endsWith(".open") ? undefined : readRecord(message);
  if (record === undefined || Number.isNaN(Date.parse(record.at))) return undefined;
  return "event" in record && !isToken(record.event) ? undefined : record;
}

export const applyHost: Apply = (view, message) => {
  const [host] = namesIn(message.subject, 2, 1) ?? [];
  if (host === undefined) return view.skipTo("hosts", message.seq);
  view.setHost(host, parseHostEntry(textOf(message)), message.seq);
};

export const applyHeld: Apply = (view, message) => {
  const [host, container] = namesIn(message.subject, 2, 2) ?? [];
  if (host === undefined || container === undefined) return view.skipTo("held", message.seq);
  view.setHeld(host, container, HeldEntry.safeParse(parseJson(textOf(message))).data, message.seq);
};

export const applyParticipant: Apply = (view, message) => {
  const [name] = namesIn(message.subject, 2, 1) ?? [];
  if (name === undefined) return view.skipTo("participants", message.seq);
  const text = textOf(message);
  view.setParticipant(name, text === "" ? null : { name, ...readParticipant(text) }, message.seq);
};

export const applyVerdict: Apply = (view, message) => view.addVerdict(heardIn(message), message.seq);

/** As applyVerdict, for one that may be from before the position. To hear it twice does no harm. */
export function hearVerdict(view: FleetView, message: StoredMsg): void {
  const heard = heardIn(message);
  if (heard !== undefined) view.hear(heard, message.seq);
}

/** `ouroboros.verdict.<host>.<participant>.<event>` */
function heardIn(
  message: StoredMsg,
): (HeardVerdict & { readonly host: string; readonly event: string }) | undefined {
  const [, , host = "", name = "", event = ""] = message.subject.split(".");
  const verdict = parseVerdict({ text: message.string(), fromStream: message.header.has("Nats-Stream") });
  if (verdict === undefined || !isToken(name) || !isToken(host)) return undefined;
  return {
    host: decodeToken(host),
    event,
    participant: decodeToken(name),
    verdict: verdict.verdict,
    reason: verdict.reason ?? "",
    at: message.time.toISOString(),
  };
}
