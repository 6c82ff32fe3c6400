// Finds the problems of a host for `ouroboros status --trouble`: a sentence for each, with the remedy. What somebody
// decided, a refusal or a deferral, is not a problem. Pure.
import { OPERATOR } from "../../shared/contract/participants.ts";
import type { RateLimit } from "../../shared/contract/rate-limit.ts";
import { formatAgo, formatRelative } from "../../shared/runtime/time-text.ts";
import type { HostStatus, Problem } from "./output-schemas.ts";

/** The status of a host without its problems. */
export type HostFacts = Omit<HostStatus, "wrong">;

export function findProblems(host: HostFacts, now: number): Problem[] {
  return [
    ...serviceProblems(host, now),
    ...host.trouble.map(hostProblem),
    ...(host.poll_failed === null ? [] : [hostProblem(`its last poll failed: ${host.poll_failed}`)]),
    ...host.registry_failures.map(({ because, containers }) =>
      hostProblem(`no digest for ${listOf(containers)}: ${because}`),
    ),
    ...host.unseen.map(({ container, because }) => ({
      container,
      because: `the Engine cannot show it: ${because}`,
    })),
    ...Object.entries(host.budgets).flatMap(([registry, budget]) => budgetProblems(registry, budget, now)),
    ...containerProblems(host, now),
  ];
}

const hostProblem = (because: string): Problem => ({ container: null, because });

const MAX_NAMES = 5;
const listOf = (names: readonly string[]): string =>
  names.length <= MAX_NAMES
    ? names.join(", ")
    : `${names.slice(0, MAX_NAMES).join(", ")} and ${names.length - MAX_NAMES} more`;

function serviceProblems({ host, poller, updater, last_seen }: HostFacts, now: number): Problem[] {
  const seen = last_seen === null ? "its poller was never seen" : `seen ${formatAgo(last_seen, now)}`;
  const gone = `or run \`ouroboros host forget ${host}\` if the host is gone for good`;
  if (poller) return updater === "away" ? [hostProblem("no updater acts on it: start the updater")] : [];
  return updater === "away"
    ? [hostProblem(`neither a poller nor an updater answers, ${seen}: start Ouroboros there, ${gone}`)]
    : [hostProblem(`its poller does not answer, ${seen}: start the poller`)];
}

/** Problem: less than a tenth of the requests is left, by an answer from within the registry's current window. */
function budgetProblems(
  registry: string,
  { remaining, limit, window_s, at }: RateLimit,
  now: number,
): Problem[] {
  const isExpired = window_s !== null && Date.parse(at) + window_s * 1000 < now;
  if (isExpired || remaining * 10 >= (limit ?? 10)) return [];
  const of = limit === null ? "" : ` of ${limit}`;
  return [
    hostProblem(`${registry} allows only ${remaining}${of} more requests: log in there, or check less often`),
  ];
}

function containerProblems({ host, stuck, held, last_run }: HostFacts, now: number): Problem[] {
  const found = new Map<string, string>();
  for (const container of stuck)
    found.set(
      container,
      `an update left it stuck: make room for it, then run \`ouroboros repair ${container} --host ${host}\``,
    );
  for (const entry of held)
    if (isFailed(entry) && !found.has(entry.container)) found.set(entry.container, heldText(entry, now));
  for (const [container, end] of Object.entries(last_run?.ends ?? {}))
    if ((end === "failed" || end === "rolled_back") && !found.has(container))
      found.set(
        container,
        `its update ${end === "failed" ? "failed" : "was rolled back"} ${formatAgo(last_run?.at ?? "", now)}: \`ouroboros explain ${container} --host ${host}\` says why`,
      );
  return [...found].map(([container, because]) => ({ container, because }));
}

type HeldOnHost = HostStatus["held"][number];

/** Not what the operator rolled back. An older updater does not record how the held update ended. */
const isFailed = ({ end, by }: HeldOnHost): boolean =>
  end === undefined ? by === "updater" : by !== OPERATOR && ["failed", "rolled_back", "stuck"].includes(end);

/** A container that is no longer stuck has been put back since, so the old reason is left out. */
function heldText({ end, because, until }: HeldOnHost, now: number): string {
  const what = end === "rolled_back" || end === "stuck" ? "was rolled back" : "failed";
  const then = until === null ? "held until the tag changes" : `tried again ${formatRelative(until, now)}`;
  return `its update ${what}${end === "stuck" ? "" : `: ${because}`}; ${then}`;
}
