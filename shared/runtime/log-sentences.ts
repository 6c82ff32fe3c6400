// The sentences of the pretty log: each replaces the message and fields of an important entry. JSON logs keep the
// message and the fields as they are. Pure.
import { formatImageChange } from "../registry/image-change.ts";
import type { UpdateResult } from "../contract/payloads.ts";
import {
  type EndKind,
  ROLLED_BACK_BY_OPERATOR,
  endInWords,
  endsOfRun,
  kindOfEnd,
} from "../contract/update-end.ts";
import { formatDuration, formatLocalTime } from "./time-text.ts";

export type LogFields = Readonly<Record<string, unknown>>;

export interface LogSentence {
  readonly says: string;
  /** The fields that the sentence covers, so the pretty log does not repeat them. */
  readonly shownFields: readonly string[];
}

const ENDS: Readonly<Record<EndKind, string>> = {
  updated: "updated",
  rolled_back_by_operator: ROLLED_BACK_BY_OPERATOR,
  current: "is up to date",
  refused: "not updated, refused",
  deferred: "put off",
  rolled_back: "rolled back to the old container",
  failed: "failed",
  expired: "not updated, will be checked again",
  noted: "would be updated",
  stuck: "stuck, needs you",
};

const isEnd = (text: unknown): text is UpdateResult => typeof text === "string" && Object.hasOwn(ENDS, text);
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const count = (value: unknown): number => (typeof value === "number" ? value : 0);
const countOf = (n: number, thing: string): string => `${n} ${thing}${n === 1 ? "" : "s"}`;

function containerEnded({ end, because, by, downtime_ms: down, ...rest }: LogFields): string {
  const change = formatImageChange({
    from: text(rest["from"]),
    to: text(rest["to"]),
    from_version: text(rest["from_version"]),
    to_version: text(rest["to_version"]),
  });
  const wasDown = typeof down === "number" ? `down for ${formatDuration(down)}` : undefined;
  const word = isEnd(end) ? ENDS[kindOfEnd({ end, by: text(by) })] : String(end);
  if (end === "updated") return [word, [change, wasDown].filter(Boolean).join(", ")].join(": ");
  return [`${word}: ${String(because)}`, wasDown].filter(Boolean).join("; ");
}

function runFinished({ ends, rollback }: LogFields): string {
  const counts = new Map<string, number>();
  const all = Object.values((ends ?? {}) as Readonly<Record<string, UpdateResult>>);
  for (const words of endsOfRun({ ends: all, rollback: rollback === true }).map(endInWords))
    counts.set(words, (counts.get(words) ?? 0) + 1);
  const parts = [...counts].map(([words, n]) => `${n} ${words.replace("_", " ")}`);
  return `run finished: ${parts.length === 0 ? "nothing to do" : parts.join(", ")}`;
}

function runBegun({ mode, containers, resumed }: LogFields): string {
  const what = countOf(count(containers), "container");
  if (resumed === true) return `resumes the run of an earlier process: ${what}`;
  return mode === "update" ? `updates ${what}` : `says what it would do with ${what}`;
}

const cycleEnded = ({ seen, asked }: LogFields): string =>
  `nothing to update: ${countOf(count(seen), "container")}, ${countOf(count(asked), "image")} asked for`;

const namesOf = (names: unknown): string => (Array.isArray(names) ? names : []).join(", ");

const planPublished = ({ containers }: LogFields): string => `newer images for ${namesOf(containers)}`;

const noRegistry = ({ seen, asked }: LogFields): string =>
  `no registry answered: ${countOf(count(seen), "container")}, ${countOf(count(asked), "image")} asked for`;

const notAllRegistries = ({ asked, unanswered }: LogFields): string =>
  `nothing to update so far: no answer for ${count(unanswered)} of ${countOf(count(asked), "image")}`;

function scriptRan({ script, verdict, reason, ms }: LogFields): string {
  const took = typeof ms === "number" ? ` in ${formatDuration(ms)}` : "";
  return `${String(script)} ran${took}: ${[text(verdict), text(reason)].filter(Boolean).join(": ")}`;
}

const hookAnswered = ({ hook, verdict, reason }: LogFields): string =>
  `${String(hook)}: ${[text(verdict), text(reason)].filter(Boolean).join(": ")}`;

/** `web, db (paused); api (built here)` */
const leftAlone = ({ containers }: LogFields): string =>
  `left alone: ${Object.entries((containers ?? {}) as Readonly<Record<string, readonly string[]>>)
    .map(([because, names]) => `${names.join(", ")} (${because})`)
    .join("; ")}`;

const operatorAsked = ({ kind, by }: LogFields): string =>
  `${text(by) ?? "the operator"} asks for ${kind === "rollback" ? "a rollback" : "an update"}`;

const updaterActs = ({ resuming }: LogFields): string =>
  `this updater acts on the host${resuming === undefined ? "" : ", and first ends the run of an earlier process"}`;

const swapResumed = ({ outcome, because }: LogFields): string =>
  outcome === "done"
    ? "finished the update that an earlier process left behind"
    : `the update that an earlier process left behind could not be finished: ${String(because)}`;

const targetFails = ({ target, waiting, because }: LogFields): string =>
  `${String(target)} takes no notifications; ${count(waiting)} kept and tried again: ${String(because)}`;

function waitsForCron({ cron, zone, next_at: nextAt }: LogFields): string {
  const at = typeof nextAt === "string" ? `: first at ${formatLocalTime(Date.parse(nextAt))}` : "";
  return `checks by CRON ${String(cron)} (${String(zone)})${at}`;
}

type Sentence = readonly [says: (fields: LogFields) => string, shownFields: readonly string[]];

const CHANGE = ["from", "to", "from_version", "to_version"];
const COUNTS = ["seen", "asked", "unanswered", "left", "rest", "outcome"];

/** Sentences by log message. */
const SENTENCES: Readonly<Record<string, Sentence>> = {
  started: [({ version }) => `started: Ouroboros ${String(version)}`, ["version"]],
  "private nats-server runs": [
    ({ port, store }) => `a private NATS runs on port ${String(port)}; its data is in ${String(store)}`,
    ["port", "store"],
  ],
  "waiting for hook events": [({ hooks }) => `ready to run the scripts in ${String(hooks)}`, ["hooks"]],
  "this updater acts on the host": [updaterActs, ["resuming"]],
  "took over from another Ouroboros, which no longer acts on this Engine": [
    ({ before }) => `took over from ${String(before)}, which no longer acts on this Engine`,
    ["before"],
  ],
  "resumed a replacement whose names were exchanged already": [swapResumed, ["outcome", "because"]],
  "waiting for the first check": [waitsForCron, ["cron", "zone", "next_at"]],
  "registry gave no digest": [
    ({ images, because }) => `no digest for ${namesOf(images)}: ${String(because)}`,
    ["images", "because"],
  ],
  "connection to NATS lost; waiting for it": [
    ({ server }) => `connection to NATS at ${String(server)} lost; waiting for it`,
    ["server"],
  ],
  "connected to NATS again": [({ server }) => `connected to NATS at ${String(server)} again`, ["server"]],
  "containers left alone": [leftAlone, ["containers"]],
  "asked for by the operator": [operatorAsked, ["kind", "by"]],
  "the target does not take notifications; they are kept and tried again": [
    targetFails,
    ["target", "waiting", "because"],
  ],
  "container ended": [containerEnded, ["end", "because", "by", "downtime_ms", ...CHANGE]],
  "run begun": [runBegun, ["mode", "containers", "resumed"]],
  "run finished": [runFinished, ["ends", "rollback"]],
  "cycle ended": [cycleEnded, COUNTS],
  "cycle ended: no registry could be asked": [noRegistry, COUNTS],
  "cycle ended: not every image could be asked for": [notAllRegistries, COUNTS],
  "plan published": [planPublished, ["containers", ...COUNTS]],
  "script ran": [scriptRan, ["script", "verdict", "reason", "ms", "hook"]],
  "script output": [
    ({ script, line }) => `${String(script)}: ${String(line)}`,
    ["script", "line", "stream", "hook"],
  ],
  "hook answered": [hookAnswered, ["hook", "verdict", "reason"]],
  "step undone": [({ step }) => `undid "${String(step)}"`, ["step"]],
  "step done": [({ step }) => `done: ${String(step)}`, ["step"]],
};

/** Undefined where the message has no sentence: the log then shows it with its fields. */
export function sentenceFor(message: string, fields: LogFields): LogSentence | undefined {
  if (!Object.hasOwn(SENTENCES, message)) return undefined;
  const [says, shownFields] = SENTENCES[message] as Sentence;
  return { says: says(fields), shownFields };
}
