// What the log says of a cycle: what changed at info and warn, the rest at debug, so that a quiet host is quiet.
import type { Logger } from "pino";
import { shortDigest } from "../../shared/registry/image-change.ts";
import type { SkippedContainer } from "./plan.ts";
import { type PollCycle, gotNoAnswers } from "./cycle.ts";

/** What was said already. */
export type LoggedSentences = ReadonlySet<string>;

export function logCycle(log: Logger, cycle: PollCycle, told: LoggedSentences): LoggedSentences {
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
  for (const [mirror, images] of Object.entries(laggingByMirror(cycle)))
    say("warn", { mirror, images }, "a mirror of the Engine has other images than the registry");
  for (const { name: container, because } of cycle.unseen)
    say("warn", { container, because }, "container cannot be looked at; left alone");
  for (const { sentence, containers } of cycle.warnings) say("warn", { containers }, sentence);
  for (const sentence of cycle.unknownNames) say("warn", {}, sentence);
  const { sentence, kinds } = summarizeSkipped(cycle.left);
  if (sentence !== undefined) say("info", { containers: kinds }, sentence);
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
  else if (gotNoAnswers(cycle)) say("warn", counts, "cycle ended: no registry could be asked");
  else if (unanswered > 0 && outcome.kind === "nothing due")
    say("warn", counts, "cycle ended: not every image could be asked for");
  else say("info", { ...counts, outcome: outcome.kind }, "cycle ended");
  return saying;
}

/** `3 left alone: 2 paused, 1 built here`, and who they are: those that are neither current nor told as trouble. */
export function summarizeSkipped(left: readonly SkippedContainer[]): {
  readonly sentence?: string;
  readonly kinds: Readonly<Record<string, readonly string[]>>;
} {
  const kinds: Record<string, string[]> = {};
  const alone = left.filter(({ because, wrong }) => because !== "current" && wrong === undefined);
  for (const { container, because } of alone) (kinds[kindOf(because)] ??= []).push(container.name);
  const counts = Object.entries(kinds)
    .sort(([one, { length }], [other, names]) => names.length - length || (one < other ? -1 : 1))
    .map(([kind, names]) => [kind, names.sort()] as const);
  if (counts.length === 0) return { kinds };
  const list = counts.map(([kind, { length }]) => `${length} ${kind}`).join(", ");
  return { sentence: `${alone.length} left alone: ${list}`, kinds: Object.fromEntries(counts) };
}

/** A reason begins with its kind; what comes after it is about the one container. */
const kindOf = (because: string): string => because.split(/[:;,(]/, 1)[0]?.trim() ?? because;

/** A registry that is away is one line, however many images it has. */
function wrongByReason({ left }: PollCycle): ReadonlyMap<string, readonly string[]> {
  const images = new Map<string, Set<string>>();
  for (const { container, because, wrong } of left)
    if (wrong === true) images.set(because, (images.get(because) ?? new Set()).add(container.reference));
  return new Map([...images].map(([because, names]) => [because, [...names].sort()]));
}

/** Each image with what the mirror serves and what its registry has. */
function laggingByMirror({ lagging }: PollCycle): Readonly<Record<string, readonly string[]>> {
  const images: Record<string, string[]> = {};
  for (const { image, mirror, serves, upstream } of lagging)
    (images[mirror] ??= []).push(`${image}: ${shortDigest(serves)}, docker.io has ${shortDigest(upstream)}`);
  for (const some of Object.values(images)) some.sort();
  return images;
}
