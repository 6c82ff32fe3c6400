// The participants, which must be asked at hooks: one KV entry each, written by the operator. This file parses the
// entries and decides which events concern which participant.
import * as z from "zod";
import { type HookName, type NoticeName, hookNames, hooks, isHookName, noticeNames } from "./hooks.ts";
import { parseJson } from "./messages.ts";

const MINUTE = 60_000;

export const OnTimeout = z.enum(["defer", "refuse", "proceed"]);

const Pattern = z.string().min(1).max(255);

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
    .describe("How long it may take, from the event or from its last sign of progress."),
  max_ms: z
    .number()
    .int()
    .positive()
    .default(60 * MINUTE)
    .describe("How long it may take in all, whatever progress it reports."),
  on_timeout: OnTimeout.default("defer").describe("Its verdict if it does not answer in time."),
  containers: z
    .array(Pattern)
    .min(1)
    .optional()
    .describe("Names of the containers it is asked about, with `*` and `?`; all if not set."),
  labels: z
    .array(Pattern)
    .min(1)
    .optional()
    .describe("`key` or `key=value`: only containers that bear one of these labels."),
  advisory: z.boolean().optional().describe("Its verdict is recorded but does not count."),
  group: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe("Participants of one group count as one: enough of them have to say proceed."),
  needs: z
    .number()
    .int()
    .positive()
    .optional()
    .describe(
      "How many of its group have to say proceed; by default all. The largest number in the group counts.",
    ),
  by_digest: z
    .literal(true)
    .optional()
    .describe(
      "It is waited for at no event: its verdict is what was recorded for the digest of the new image, and until then it defers.",
    ),
  // A field of its own, and no error where a version does not know a name: no update waits because of a notice.
  hears: z
    .array(z.enum(noticeNames as [NoticeName, ...NoticeName[]]))
    .catch([])
    .optional()
    .describe("Notices that it gets about all containers on its hosts."),
});
export type Participant = z.infer<typeof Participant>;

/** A participant's entry that cannot be parsed: why, and which events it may still concern. */
export interface UnreadableEntry {
  readonly because: string;
  readonly hooks: readonly HookName[] | "any";
  readonly hosts: readonly string[] | "any";
}

/** The readable names of a bad entry; it counts as unreadable where the array holds anything but text. */
const Names = z.array(z.string()).min(1);
const Rest = z.object({ hooks: z.unknown(), hosts: z.unknown().optional() });

/** Parses a stored entry. A bad entry still tells, as far as it can be read, which hooks and hosts it is about. */
export function readParticipant(text: string): Participant | UnreadableEntry {
  const stored = parseJson(text);
  const read = Participant.safeParse(stored);
  if (read.success) return read.data;
  const rest = Rest.safeParse(stored).data;
  const hooks = Names.safeParse(rest?.hooks).data;
  const hosts = rest === undefined || rest.hosts === undefined ? undefined : Names.safeParse(rest.hosts).data;
  const unknown = (hooks ?? []).filter((name) => !isHookName(name));
  const [issue] = read.error.issues;
  const because =
    stored === undefined
      ? "it is no JSON"
      : unknown.length > 0
        ? `it names hooks that this version does not know: ${unknown.join(", ")}`
        : [...(issue?.path ?? []).map(String), issue?.message ?? ""].join(": ");
  return {
    because: because.slice(0, 200),
    hooks: hooks === undefined || unknown.length > 0 ? "any" : hooks.filter(isHookName),
    hosts: hosts === undefined || hosts.includes("*") ? "any" : hosts,
  };
}

/**
 * Whether the participant may have to be asked at this event. `updates_enumerated` always counts: no run begins then.
 */
export const mayConcern = ({ hooks: named, hosts }: UnreadableEntry, hook: HookName, host: string): boolean =>
  (hosts === "any" || hosts.includes(host)) &&
  (named === "any" || named.includes(hook) || hook === "updates_enumerated");

/** A participant as it was when an event was published. Participants that are added later are not awaited for it. */
export const AskedParticipant = Participant.pick({
  ...{ timeout_ms: true, max_ms: true, on_timeout: true },
  ...{ advisory: true, group: true, needs: true, by_digest: true },
}).extend({
  name: z.string(),
  unreadable: z.string().optional().describe("Why its entry cannot be understood: it counts as a defer."),
  only: z.array(z.string()).optional().describe("Of a whole run: the containers that it is asked about."),
});
export type AskedParticipant = z.infer<typeof AskedParticipant>;

/** What the silence of a participant counts as when its time is over: at `after` hooks always proceed. */
export const verdictOfSilence = (
  hook: HookName,
  { on_timeout }: Pick<Participant, "on_timeout">,
): Participant["on_timeout"] => (hooks[hook].phase === "after" ? "proceed" : on_timeout);

/** The person at the command line: never awaited, but their verdict decides a pending event at once. */
export const OPERATOR = "operator";

/** Names of built-in participants, which `ouroboros participant add` refuses. */
export const isReserved = (name: string): boolean => name === OPERATOR || name.startsWith("exec_");

export const mustBeAsked = (participant: Participant, hook: HookName, host: string): boolean =>
  participant.hooks.includes(hook) && (participant.hosts.includes("*") || participant.hosts.includes(host));

export const hasContainerFilter = ({ containers, labels }: Participant): boolean =>
  containers !== undefined || labels !== undefined;

/** Stands in an event for a label's value that is not disclosed. */
export const HIDDEN_VALUE = "(hidden)";

/**
 * Whether the participant's name and label filters both match the container. Labels that were left out or hidden
 * count as matching: to ask once too often does no harm.
 */
export function matchesContainer(
  { containers, labels }: Participant,
  container: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly truncated?: true | undefined;
  },
): boolean {
  const named = containers?.some((pattern) => matchesPattern(pattern, container.name)) ?? true;
  if (!named || container.truncated === true) return named;
  return labels?.some((label) => hasLabel(container.labels, label)) ?? true;
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf("=");
  if (at < 0) return Object.hasOwn(labels, wanted);
  const key = wanted.slice(0, at);
  return Object.hasOwn(labels, key) && [wanted.slice(at + 1), HIDDEN_VALUE].includes(labels[key] ?? "");
}

/** `*` matches any characters, `?` exactly one. Takes at most time proportional to both lengths multiplied. */
export function matchesPattern(pattern: string, text: string): boolean {
  let [at, star, from] = [0, -1, 0];
  for (let i = 0; i < text.length;) {
    if (pattern[at] === "*") [star, from] = [at++, i];
    else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[i]))
      [at, i] = [at + 1, i + 1];
    else if (star >= 0) [at, i] = [star + 1, ++from];
    else return false;
  }
  return /^\**$/.test(pattern.slice(at));
}
