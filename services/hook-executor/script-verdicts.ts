// What the end of a script means, and how the verdicts of an event's scripts become one. Pure.
//
// Exit codes: 0 means proceed; 75 (EX_TEMPFAIL, as in watchtower) and 21 (as in Mender's state scripts) mean defer;
// any other code is a failed script.
import { type Answer, Verdict, type VerdictWord } from "../../shared/contract/messages.ts";
import { heaviestOf, outweighs } from "../../shared/contract/verdict-precedence.ts";

/** How the process of a script ended. */
export type ProcessEnd =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: string }
  | { readonly kind: "out of time"; readonly limitMs: number }
  | { readonly kind: "not started"; readonly because: string };

export type OnFailure = "refuse" | "proceed";

/** One script's verdict. */
export interface ScriptVerdict extends Verdict {
  readonly script: string;
}

const DEFERRING = [75, 21];
/** The wire format keeps 12,000 characters of a reason. */
const MAX_REASON = 11_500;
/** Below the verdict stream's limit of 64 KiB, which includes headers. */
const MAX_MESSAGE_BYTES = 60 * 1024;

/** `stderr` is the end of the script's stderr. */
export function judgeScript(
  script: string,
  end: ProcessEnd,
  stderr: string,
  onFailure: OnFailure,
): ScriptVerdict {
  if (end.kind === "exit" && end.code === 0) return { script, verdict: "proceed" };
  if (end.kind === "exit" && DEFERRING.includes(end.code))
    return { script, verdict: "defer", reason: stderr === "" ? `exit code ${end.code}` : stderr };
  return failedVerdict(script, `${describeEnd(end)}${stderr === "" ? "" : `: ${stderr}`}`, onFailure);
}

/** The verdict of a failed script, by HOOK_FAILURE. */
export const failedVerdict = (script: string, because: string, onFailure: OnFailure): ScriptVerdict => ({
  script,
  verdict: onFailure,
  reason: onFailure === "refuse" ? `failed: ${because}` : `failed, which HOOK_FAILURE lets pass: ${because}`,
});

function describeEnd(end: ProcessEnd): string {
  switch (end.kind) {
    case "exit":
      return `exit code ${end.code}`;
    case "signal":
      return `killed by ${end.signal}`;
    case "out of time":
      return `still running after ${end.limitMs / 1000} s`;
    case "not started":
      return `could not be started: ${end.because}`;
  }
}

/** The verdict that a script returned; none means proceed. */
export function readScriptVerdict(script: string, returned: unknown, onFailure: OnFailure): ScriptVerdict {
  if (returned === undefined || returned === null) return { script, verdict: "proceed" };
  const verdict = Verdict.safeParse(returned);
  if (verdict.success) return { script, ...verdict.data };
  const wrong = verdict.error.issues.map(({ path, message }) => [...path.map(String), message].join(": "));
  return failedVerdict(script, `it returned no verdict: ${wrong.join("; ")}`, onFailure);
}

/** The heaviest verdict wins; the reason names the scripts that decided. */
export function combineVerdicts(verdicts: readonly ScriptVerdict[]): Verdict {
  const verdict = heaviestWord(verdicts.map((scriptVerdict) => scriptVerdict.verdict));
  const deciding = verdicts.filter(
    (scriptVerdict) => scriptVerdict.verdict === verdict && scriptVerdict.reason !== undefined,
  );
  const share = Math.floor(MAX_REASON / Math.max(deciding.length, 1));
  const reason = deciding.map(({ script, reason = "" }) => shorten(`${script}: ${reason}`, share)).join("\n");
  const waits = deciding.flatMap(({ retry_after_s }) => retry_after_s ?? []);
  const containers = combineContainerVerdicts(verdicts);
  return {
    verdict,
    ...(reason !== "" && { reason }),
    ...(waits.length > 0 && { retry_after_s: Math.max(...waits) }),
    ...(Object.keys(containers).length > 0 && { containers }),
  };
}

function combineContainerVerdicts(verdicts: readonly ScriptVerdict[]): Record<string, Answer> {
  const all = new Map<string, Answer>();
  for (const { script, containers = {} } of verdicts) {
    for (const [name, answer] of Object.entries<Answer>(containers)) {
      const before = all.get(name);
      if (before !== undefined && !outweighs(answer.verdict, before.verdict)) continue;
      const reason = answer.reason === undefined ? script : `${script}: ${answer.reason}`;
      all.set(name, { ...answer, reason: shorten(reason, MAX_REASON) });
    }
  }
  return Object.fromEntries(all);
}

const heaviestWord = (words: readonly VerdictWord[]): VerdictWord =>
  heaviestOf(words, (word) => word) ?? "proceed";

/** Keeps the beginning of a long text (which script, what went wrong) and its end (mostly why). */
function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = `${text.slice(0, Math.min(100, limit / 2))}…`;
  return head + text.slice(text.length + head.length - limit);
}

/** Fits a verdict into the stream's limit: drops first the containers' reasons, then the containers. */
export function shortenToFit(verdict: Verdict): Verdict {
  if (fits(verdict)) return verdict;
  const containers = Object.entries<Answer>(verdict.containers ?? {});
  const bare = {
    ...verdict,
    containers: Object.fromEntries(
      containers.map(([name, { reason: _, ...answer }]) => [name, answer] as const),
    ),
  };
  if (fits(bare)) return bare;
  return {
    verdict: heaviestWord([verdict.verdict, ...containers.map(([, answer]) => answer.verdict)]),
    reason: "the scripts' verdict is too long; the gravest word in it counts for all",
  };
}

const fits = (verdict: Verdict): boolean =>
  new TextEncoder().encode(JSON.stringify(verdict)).length <= MAX_MESSAGE_BYTES;
