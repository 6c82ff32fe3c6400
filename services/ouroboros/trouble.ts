// What is wrong on a host, in a sentence each, with what mends it: what `ouroboros status --trouble` shows. What somebody
// decided, a refusal or a postponement, is no trouble. Pure.
import type { RateBudget } from "../../shared/rate-budget.ts";
import { ago, relative } from "../../shared/times.ts";
import type { HostStatus, Wrong } from "./answers.ts";

/** What is known of a host, but for what is wrong there. */
export type KnownHost = Omit<HostStatus, "wrong">;

export function wrongOn(host: KnownHost, now: number): Wrong[] {
  return [
    ...ofServices(host, now),
    ...host.trouble.map(onHost),
    ...(host.poll_failed === null ? [] : [onHost(`its last poll failed: ${host.poll_failed}`)]),
    ...host.registry_failures.map(({ because, containers }) =>
      onHost(`no digest for ${listOf(containers)}: ${because}`),
    ),
    ...host.unseen.map(({ container, because }) => ({
      container,
      because: `the Engine cannot show it: ${because}`,
    })),
    ...Object.entries(host.budgets).flatMap(([registry, budget]) => ofBudget(registry, budget, now)),
    ...ofContainers(host, now),
  ];
}

const onHost = (because: string): Wrong => ({ container: null, because });

const NAMED = 5;
const listOf = (names: readonly string[]): string =>
  names.length <= NAMED
    ? names.join(", ")
    : `${names.slice(0, NAMED).join(", ")} and ${names.length - NAMED} more`;

function ofServices({ host, poller, updater, last_seen }: KnownHost, now: number): Wrong[] {
  const seen = last_seen === null ? "its poller was never seen" : `seen ${ago(last_seen, now)}`;
  const gone = `or run \`ouroboros host forget ${host}\` if the host is gone for good`;
  if (poller) return updater === "away" ? [onHost("no updater acts on it: start the updater")] : [];
  return updater === "away"
    ? [onHost(`neither a poller nor an updater answers, ${seen}: start Ouroboros there, ${gone}`)]
    : [onHost(`its poller does not answer, ${seen}: start the poller`)];
}

/** Less than a tenth is left, and that was said within the window that it counts. */
function ofBudget(registry: string, { remaining, limit, window_s, at }: RateBudget, now: number): Wrong[] {
  const isOld = window_s !== null && Date.parse(at) + window_s * 1000 < now;
  if (isOld || remaining * 10 >= (limit ?? 10)) return [];
  const of = limit === null ? "" : ` of ${limit}`;
  return [
    onHost(`${registry} allows only ${remaining}${of} more requests: log in there, or check less often`),
  ];
}

function ofContainers({ host, stuck, held, last_run }: KnownHost, now: number): Wrong[] {
  const found = new Map<string, string>();
  for (const container of stuck)
    found.set(
      container,
      `an update left it stuck: make room for it, then run \`ouroboros repair ${container} --host ${host}\``,
    );
  for (const entry of held)
    if (isFailed(entry) && !found.has(entry.container)) found.set(entry.container, heldAs(entry, now));
  for (const [container, end] of Object.entries(last_run?.ends ?? {}))
    if ((end === "failed" || end === "rolled_back") && !found.has(container))
      found.set(
        container,
        `its update ${end === "failed" ? "failed" : "was rolled back"} ${ago(last_run?.at ?? "", now)}: \`ouroboros explain ${container} --host ${host}\` says why`,
      );
  return [...found].map(([container, because]) => ({ container, because }));
}

type HeldOnHost = HostStatus["held"][number];

/** An older updater does not note how the update ended that it holds. */
const isFailed = ({ end, by }: HeldOnHost): boolean =>
  end === undefined ? by === "updater" : ["failed", "rolled_back", "stuck"].includes(end);

/** What was stuck and is no more was put back since; why it was is no help now. */
function heldAs({ end, because, until }: HeldOnHost, now: number): string {
  const what = end === "rolled_back" || end === "stuck" ? "was rolled back" : "failed";
  const then = until === null ? "held until the tag changes" : `tried again ${relative(until, now)}`;
  return `its update ${what}${end === "stuck" ? "" : `: ${because}`}; ${then}`;
}
