// Which containers are to be updated, and for each of the others why not. Pure: facts in, decisions out. First
// `choose` says whose registry is worth a question, then `planOf` decides with the answers.
import { monitoredOnlyBy, watchedBy } from "../../shared/compat-labels.ts";
import { type Facts, isMeant, whyLeftAlone } from "../../shared/container-facts.ts";
import { groupsOf } from "../../shared/groups.ts";
import type { HeldEntry } from "../../shared/held.ts";
import { type ImageRef, parseImageRef } from "../../shared/image-ref.ts";
import { isYes, labelOf } from "../../shared/labels.ts";
import type { Ourselves } from "../../shared/ourselves.ts";
import type { Settings } from "../../shared/settings.ts";

/** A container as the Engine has it. */
export interface Watched {
  readonly facts: Facts;
  /** `RepoDigests` of the image it runs; undefined where the Engine no longer has that image. */
  readonly digests: readonly string[] | undefined;
}

export type Wishes = Pick<Settings, "MONITOR" | "IGNORE" | "LABEL_ENABLE" | "LABELS_ONLY" | "COMPAT_LABELS">;

const NOWHERE: Ourselves = { own: [], update: false };

export interface Candidate {
  readonly facts: Facts;
  readonly ref: ImageRef;
  readonly digests: readonly string[];
}

/** What a registry said of a reference. */
export type Answer =
  | { readonly kind: "digest"; readonly digest: string }
  | { readonly kind: "unknown"; readonly because: string };

export interface Left {
  readonly container: Facts;
  readonly because: string;
  /** Something is wrong, where everything else is as it should be. */
  readonly wrong?: true;
}

export interface Entry {
  readonly facts: Facts;
  readonly ref: ImageRef;
  /** The registry's, of the image it is to run. */
  readonly digest: string;
}

export interface PlannedGroup {
  /** A container before those it stops. */
  readonly entries: readonly Entry[];
  readonly dependencies: readonly Facts[];
  readonly hardDependencies: readonly Facts[];
}

export interface Plan {
  readonly groups: readonly PlannedGroup[];
  readonly left: readonly Left[];
}

interface Choice {
  readonly candidates: readonly Candidate[];
  readonly left: readonly Left[];
}

/** Those whose registry is worth a question, and why the others are left alone whatever it would say. */
export function choose(
  containers: readonly Watched[],
  wishes: Wishes,
  ourselves: Ourselves = NOWHERE,
): Choice {
  const all = containers.map(({ facts }) => facts);
  const candidates: Candidate[] = [];
  const left: Left[] = [];
  for (const { facts, digests } of containers) {
    const ref = parseImageRef(facts.reference);
    const because =
      whyUnwatched(facts, wishes) ?? whyLeftAlone(facts, all, ourselves) ?? whyNoDigest(digests);
    if (because !== undefined) left.push({ container: facts, because });
    else if (ref !== undefined && digests !== undefined) candidates.push({ facts, ref, digests });
  }
  return { candidates, left };
}

/**
 * Whether its owner wants it watched. With LABEL_ENABLE the label decides, and MONITOR and IGNORE only where there
 * is none; LABELS_ONLY without LABEL_ENABLE watches nothing. Other updaters' labels come after our own.
 */
export function whyUnwatched({ name, labels }: Facts, wishes: Wishes): string | undefined {
  if (wishes.LABELS_ONLY && !wishes.LABEL_ENABLE) return "LABELS_ONLY without LABEL_ENABLE watches nothing";
  const label = wishes.LABEL_ENABLE ? labelOf(labels, "com.ouroboros.enable") : undefined;
  if (label !== undefined) return isYes(label) ? undefined : "its label com.ouroboros.enable says no";
  const other = watchedBy(labels, wishes.COMPAT_LABELS);
  if (other?.watch === false) return `its label ${other.label} says no`;
  if (other !== undefined && wishes.LABEL_ENABLE) return undefined;
  if (wishes.LABELS_ONLY) return "not labelled";
  if (wishes.IGNORE.includes(name)) return "ignored";
  if (wishes.MONITOR.length > 0 && !wishes.MONITOR.includes(name)) return "not monitored";
  return undefined;
}

function whyNoDigest(digests: readonly string[] | undefined): string | undefined {
  if (digests === undefined) return "the Engine no longer has the image it runs";
  if (digests.length === 0) return "built here: no registry digest";
  return undefined;
}

export interface Findings {
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, Answer>;
  /** By container name. */
  readonly held: ReadonlyMap<string, HeldEntry>;
  /** All containers of the host. */
  readonly all: readonly Facts[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly compat: Settings["COMPAT_LABELS"];
}

export function planOf({ candidates, answers, held, all, now, compat }: Findings): Plan {
  const entries = new Map<Facts, Entry>();
  const left: Left[] = [];
  for (const candidate of candidates) {
    const { facts, ref } = candidate;
    const answer = answers.get(ref.familiar) ?? { kind: "unknown", because: "its registry was not asked" };
    const because =
      whyNotNow(candidate, answer, held.get(facts.name), now) ?? whyOnlyMonitored(facts, compat);
    if (answer.kind === "unknown") left.push({ container: facts, because: answer.because, wrong: true });
    else if (because !== undefined) left.push({ container: facts, because });
    else entries.set(facts, { facts, ref, digest: answer.digest });
  }
  const grouping = groupsOf([...entries.keys()], all);
  const groups = grouping.groups.map(({ updates, dependencies }) => {
    const isHard = (facts: Facts): boolean =>
      updates.some(({ hardDependsOn }) => hardDependsOn.some((name) => isMeant(facts, name)));
    return {
      entries: updates.flatMap((facts) => entries.get(facts) ?? []),
      dependencies: dependencies.filter((facts) => !isHard(facts)),
      hardDependencies: dependencies.filter(isHard),
    };
  });
  return { groups, left: [...left, ...grouping.left] };
}

/** Its tag has moved away from the image it runs; whether that is held is to be seen. */
export function mayMove({ ref, digests }: Candidate, answers: ReadonlyMap<string, Answer>): boolean {
  const answer = answers.get(ref.familiar);
  return answer?.kind === "digest" && !isAmong(digests, answer.digest);
}

/** `digests` as the Engine keeps them, repository@digest; one from any repository will do. */
const isAmong = (digests: readonly string[], digest: string): boolean =>
  digests.some((one) => one.endsWith(`@${digest}`));

function whyOnlyMonitored({ labels }: Facts, compat: Settings["COMPAT_LABELS"]): string | undefined {
  const label = monitoredOnlyBy(labels, compat);
  return label && `a newer image is there, but its label ${label} says not to update it`;
}

function whyNotNow(
  { digests }: Candidate,
  answer: Answer,
  held: HeldEntry | undefined,
  now: number,
): string | undefined {
  if (answer.kind === "unknown") return answer.because;
  if (isAmong(digests, answer.digest)) return "current";
  if (held?.digest !== answer.digest) return undefined;
  if (held.until === null) return `held: ${held.because} (${held.by}), until its tag moves again`;
  if (held.until <= now) return undefined;
  return `held: ${held.because} (${held.by}), until ${new Date(held.until).toISOString()}`;
}

/** Names in dependency labels that no container bears: ignored, but worth telling. */
export const unknownDependencies = (facts: Facts, all: readonly Facts[]): string[] =>
  [...facts.dependsOn, ...facts.hardDependsOn].filter((name) => !all.some((other) => isMeant(other, name)));
