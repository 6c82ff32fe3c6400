// Logs a cycle: changes at info and warn, all else at debug, so that a quiet host has a quiet log. Of a cycle that looked
// at some containers only what it found wrong and what it planned.
import type { Logger } from "pino";
import { shortDigest } from "../../../shared/registry/image-change.ts";
import type { SkippedContainer } from "../plan/plan.ts";
import { isSwapName } from "../../../shared/containers/swap-names.ts";
import { type PollCycle, gotNoAnswers } from "./cycle.ts";

/** The lines that earlier cycles have logged already. */
export type LoggedSentences = ReadonlySet<string>;

export function logCycle(log: Logger, cycle: PollCycle, before: LoggedSentences): LoggedSentences {
  const logged = new Set<string>();
  const logIfNew: LogIfNew = (level, fields, phrase) => {
    const key = JSON.stringify([phrase, fields]);
    logged.add(key);
    log[before.has(key) ? "debug" : level](fields, phrase);
  };
  for (const { container, because, wrong } of cycle.left)
    if (wrong === undefined)
      log.debug({ container: container.name, image: container.reference, because }, "container left alone");
  for (const [because, images] of wrongByReason(cycle))
    logIfNew("warn", { images, because }, "registry gave no digest");
  for (const [mirror, images] of Object.entries(laggingByMirror(cycle)))
    logIfNew("warn", { mirror, images }, "a mirror of the Engine has other images than the registry");
  if (cycle.swarm !== undefined)
    logIfNew(
      cycle.swarm.isWrong ? "warn" : "info",
      { because: cycle.swarm.because },
      "no service is looked at",
    );
  for (const { name: container, because } of cycle.unseen)
    logIfNew("warn", { container, because }, "container cannot be looked at; left alone");
  for (const { sentence, containers } of cycle.warnings) logIfNew("warn", { containers }, sentence);
  for (const sentence of cycle.unknownNames) logIfNew("warn", {}, sentence);
  const kinds = cycle.isWhole ? groupSkipped(cycle.left) : {};
  if (Object.keys(kinds).length > 0) logIfNew("info", { containers: kinds }, "containers left alone");
  for (const { container, labels } of cycle.ignoredLabels)
    logIfNew(
      "warn",
      {
        container,
        labels,
        mend: "where you want them, set them on the container itself, with a blank before the value",
      },
      "labels of its image that concern others do not count",
    );
  const { advice } = cycle;
  if (advice !== undefined) logIfNew("warn", { because: advice }, "credentials are for no registry");
  logOutcome(log, cycle, logIfNew);
  return logged;
}

type LogIfNew = (level: "info" | "warn", fields: object, phrase: string) => void;

function logOutcome(log: Logger, cycle: PollCycle, logIfNew: LogIfNew): void {
  const { seen, asked, left, outcome, rest, unanswered, isWhole } = cycle;
  const counts = { seen, asked, unanswered, left: left.length, rest: rest.length };
  if (outcome.kind === "published")
    log.info({ ...counts, run: outcome.run, containers: outcome.containers }, "plan published");
  else if (outcome.kind === "waiting")
    logIfNew("info", { because: outcome.because }, "plan waits for the updater");
  else if (!isWhole) log.debug({ ...counts, outcome: outcome.kind }, "cycle ended");
  else if (gotNoAnswers(cycle)) logIfNew("warn", counts, "cycle ended: no registry could be asked");
  else if (unanswered > 0) logIfNew("warn", counts, "cycle ended: not every image could be asked for");
  else logIfNew("info", { ...counts, outcome: outcome.kind }, "cycle ended");
}

/**
 * Names of containers by why they are left alone, the most first; without those that are current, logged as failures,
 * or there for the length of an update only.
 */
export function groupSkipped(left: readonly SkippedContainer[]): Readonly<Record<string, readonly string[]>> {
  const kinds: Record<string, string[]> = {};
  for (const { container, because, wrong } of left)
    if (because !== "current" && wrong === undefined && !isSwapName(container.name))
      (kinds[kindOf(because)] ??= []).push(container.name);
  return Object.fromEntries(
    Object.entries(kinds)
      .sort(([kindA, namesA], [kindB, namesB]) => namesB.length - namesA.length || (kindA < kindB ? -1 : 1))
      .map(([kind, names]) => [kind, names.sort()]),
  );
}

/** A reason begins with its kind; the rest is about the single container. A colon may be part of an image's name. */
const kindOf = (because: string): string => because.split(/[:;,] | ?\(/, 1)[0] ?? because;

/** Groups images by reason, so that an unreachable registry is one line however many images it has. */
function wrongByReason({ left }: PollCycle): ReadonlyMap<string, readonly string[]> {
  const images = new Map<string, Set<string>>();
  for (const { container, because, wrong } of left)
    if (wrong === true) images.set(because, (images.get(because) ?? new Set()).add(container.reference));
  return new Map([...images].map(([because, names]) => [because, [...names].sort()]));
}

/** By mirror: each image with the mirror's digest and the registry's. */
function laggingByMirror({ lagging }: PollCycle): Readonly<Record<string, readonly string[]>> {
  const images: Record<string, string[]> = {};
  for (const { image, mirror, serves, upstream } of lagging)
    (images[mirror] ??= []).push(`${image}: ${shortDigest(serves)}, docker.io has ${shortDigest(upstream)}`);
  for (const lines of Object.values(images)) lines.sort();
  return images;
}
