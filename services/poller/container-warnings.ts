// What containers ask for in vain: labels that no setting reads, unknown labels, names that no container bears. One
// table of checks; each warning is a sentence that names the remedy. Pure.
import { readCheckLabel } from "../../shared/containers/check-label.ts";
import { readNeededNames } from "../../shared/containers/compat-labels.ts";
import { type ContainerFacts, hasNameOrId } from "../../shared/containers/container-facts.ts";
import { WATCHTOWER, foreignLabels } from "../../shared/settings/foreign-labels.ts";
import { labels as known } from "../../shared/settings/labels.ts";
import { didYouMean, editDistance } from "../../shared/settings/did-you-mean.ts";
import type { WatchSettings } from "../../shared/containers/watch-list.ts";
import { unknownDependencies } from "./plan.ts";

export interface ContainerWarning {
  readonly sentence: string;
  readonly containers: readonly string[];
}

type WarningCheck = (all: readonly ContainerFacts[], settings: WatchSettings) => readonly ContainerWarning[];

const checks: readonly WarningCheck[] = [
  (all, { LABEL_ENABLE }) =>
    LABEL_ENABLE
      ? []
      : withLabel(all, "com.ouroboros.enable", "is not read: set LABEL_ENABLE=true to have it read"),
  (all, { COMPAT_LABELS }) =>
    Object.entries(foreignLabels)
      .filter(([, { of }]) => !COMPAT_LABELS.includes(of))
      .flatMap(([label, { of }]) =>
        withLabel(all, label, `is not read: set COMPAT_LABELS=${of} to have it read`),
      ),
  (all) =>
    [...new Set(all.flatMap(({ labels }) => Object.keys(labels)))]
      .filter(looksOurs)
      .flatMap((label) => withLabel(all, label, `is no label of Ouroboros${meantLabel(label)}`)),
  (all) =>
    all.flatMap(({ name, labels }) => {
      const check = readCheckLabel(labels);
      return check.kind === "wrong" ? [{ sentence: `left alone: ${check.because}`, containers: [name] }] : [];
    }),
  (all) =>
    all.flatMap((facts) =>
      unknownDependencies(facts, all).map((name) => noSuch(facts.name, "a dependency label", name, all)),
    ),
  (all, { COMPAT_LABELS }) =>
    all.flatMap(({ name, labels }) =>
      readNeededNames(labels, COMPAT_LABELS)
        .filter((needed) => !all.some((container) => hasNameOrId(container, needed)))
        .map((needed) => noSuch(name, `${WATCHTOWER}.depends-on`, needed, all)),
    ),
];

/** All warnings, in the order of the table. */
export const containerWarnings = (
  all: readonly ContainerFacts[],
  settings: WatchSettings,
): readonly ContainerWarning[] => checks.flatMap((check) => check(all, settings));

/** A sentence for each name in MONITOR and IGNORE that is not among `names`. */
export const unknownNames = (
  names: readonly string[],
  { MONITOR, IGNORE }: Pick<WatchSettings, "MONITOR" | "IGNORE">,
): readonly string[] =>
  Object.entries({ MONITOR, IGNORE }).flatMap(([setting, wanted]) =>
    wanted
      .filter((name) => !names.includes(name))
      .map((name) => `${setting} names ${name}, and no container is called so${didYouMean(name, names)}`),
  );

function withLabel(all: readonly ContainerFacts[], label: string, says: string): ContainerWarning[] {
  const containers = all
    .filter(({ labels }) => Object.hasOwn(labels, label))
    .map(({ name }) => name)
    .sort();
  return containers.length === 0 ? [] : [{ sentence: `label ${label} ${says}`, containers }];
}

const noSuch = (
  container: string,
  where: string,
  name: string,
  all: readonly ContainerFacts[],
): ContainerWarning => ({
  sentence: `${where} names ${name}, and no container is called so${didYouMean(
    name,
    all.map((facts) => facts.name),
  )}`,
  containers: [container],
});

const KNOWN = Object.keys(known);

/** An unknown label that is in our namespace or looks like a misspelling of one of our labels. */
const looksOurs = (label: string): boolean =>
  !KNOWN.includes(label) &&
  (/^com[.-]ouro\w*\./i.test(label) ||
    KNOWN.some((ours) => editDistance(label.toLowerCase(), ours) <= 2) ||
    KNOWN.some((ours) => label.toLowerCase() === ours.slice("com.".length)));

/** The greatest edit distance at which a label is suggested. */
const MAX_DISTANCE = 3;

function meantLabel(label: string): string {
  const [nearest] = KNOWN.map((ours) => ({ ours, distance: editDistance(label.toLowerCase(), ours) }))
    .filter(({ distance }) => distance <= MAX_DISTANCE)
    .sort((a, b) => a.distance - b.distance);
  return nearest === undefined ? "; docs/labels.md lists those there are" : `; did you mean ${nearest.ours}?`;
}
