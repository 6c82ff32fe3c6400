// What the log says of a cycle: what changed at info and warn, the rest at debug, so that a quiet host is quiet.
import type { Logger } from "pino";
import { type PollCycle, isBlind } from "./cycle.ts";

/** What was said already. */
export type LoggedSentences = ReadonlySet<string>;

export function tell(log: Logger, cycle: PollCycle, told: LoggedSentences): LoggedSentences {
  const saying = new Set<string>();
  const say = (level: "info" | "warn", fields: object, phrase: string): void => {
    const key = JSON.stringify([phrase, fields]);
    saying.add(key);
    log[told.has(key) ? "debug" : level](fields, phrase);
  };
  for (const { container, because, wrong } of cycle.left)
    if (wrong === undefined)
      log.debug({ container: container.name, image: container.reference, because }, "container left alone");
  for (const [because, images] of wrongByReason(cycle))
    say("warn", { images, because }, "registry gave no digest");
  for (const { name: container, because } of cycle.unseen)
    say("warn", { container, because }, "container cannot be looked at; left alone");
  for (const { container, names } of cycle.unknownDependencies)
    say("warn", { container, names }, "unknown names in a dependency label");
  for (const { container, labels } of cycle.ignoredLabels)
    say(
      "warn",
      {
        container,
        labels,
        mend: "where you want them, set them on the container itself, with a blank before the value",
      },
      "labels of its image that concern others do not count",
    );
  const { seen, asked, left, outcome, rest, unanswered, advice } = cycle;
  if (advice !== undefined) say("warn", { because: advice }, "credentials are for no registry");
  if (outcome.kind === "waiting") say("info", { because: outcome.because }, "plan waits for the updater");
  const counts = { seen, asked, unanswered, left: left.length, rest: rest.length };
  if (outcome.kind === "published")
    log.info({ ...counts, run: outcome.run, containers: outcome.containers }, "plan published");
  else if (isBlind(cycle)) say("warn", counts, "cycle ended: no registry could be asked");
  else if (unanswered > 0 && outcome.kind === "nothing due")
    say("warn", counts, "cycle ended: not every image could be asked for");
  else say("info", { ...counts, outcome: outcome.kind }, "cycle ended");
  return saying;
}

/** A registry that is away is one line, however many images it has. */
function wrongByReason({ left }: PollCycle): ReadonlyMap<string, readonly string[]> {
  const images = new Map<string, Set<string>>();
  for (const { container, because, wrong } of left)
    if (wrong === true) images.set(because, (images.get(because) ?? new Set()).add(container.reference));
  return new Map([...images].map(([because, names]) => [because, [...names].sort()]));
}
