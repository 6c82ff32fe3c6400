// What containers ask for in vain: labels that no setting reads, unknown labels, names that no container bears. One
// table of checks; each warning is a sentence that names the remedy. Pure.
import { messageOf, reasonOf } from "../../../shared/catalogue/entry.ts";
import { containerWarningTexts } from "../../../shared/catalogue/start-warnings.ts";
import { skipReasons } from "../../../shared/catalogue/skip-reasons.ts";
import { readCheckLabel } from "../../../shared/containers/check-label.ts";
import { findUnreadProtection, readNeededNames } from "../../../shared/containers/compat-labels.ts";
import { readCooldown } from "../../../shared/containers/cooldown.ts";
import { type ContainerFacts, hasNameOrId } from "../../../shared/containers/container-facts.ts";
import { WATCHTOWER, foreignLabels } from "../../../shared/settings/foreign-labels.ts";
import { type Labels, labels as known } from "../../../shared/settings/labels.ts";
import { didYouMean, editDistance } from "../../../shared/settings/did-you-mean.ts";
import { isSwapName, parseSwapName } from "../../../shared/containers/swap-names.ts";
import { type WatchSettings, whyUnwatched } from "../../../shared/containers/watch-list.ts";
import { unknownDependencies } from "../plan/plan.ts";

export interface ContainerWarning {
  readonly sentence: string;
  readonly containers: readonly string[];
}

type WarningCheck = (all: readonly ContainerFacts[], settings: WatchSettings) => readonly ContainerWarning[];

const checks: readonly WarningCheck[] = [
  (all, { LABEL_ENABLE }) =>
    LABEL_ENABLE
      ? []
      : withLabel(all, "com.ouroboros.enable", notRead("com.ouroboros.enable", "LABEL_ENABLE=true")),
  (all, settings) =>
    Object.entries(foreignLabels)
      .filter(([, { of }]) => !settings.COMPAT_LABELS.includes(of))
      .flatMap(([label, { of }]) => {
        const unread = all.filter((facts) => !isProtectedBy(label, facts, settings));
        return withLabel(unread, label, notRead(label, `COMPAT_LABELS=${of}`));
      }),
  (all) =>
    [...new Set(all.flatMap(({ labels }) => Object.keys(labels)))]
      .filter(looksOurs)
      .flatMap((label) => withLabel(all, label, unknownLabel(label))),
  (all) =>
    all.flatMap(({ name, labels }) =>
      unusableLabels(labels).map((because) => ({
        sentence: reasonOf(containerWarningTexts.labelUnusable, { because }),
        containers: [name],
      })),
    ),
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

/** Why each label of ours whose text cannot be understood keeps the container from updates, once there is one. */
function unusableLabels(labels: Labels): string[] {
  const check = readCheckLabel(labels);
  const cooldown = readCooldown(labels, { COOLDOWN: 0, COOLDOWN_AFTER: [] });
  return [
    ...(check.kind === "wrong" ? [check.because] : []),
    ...(cooldown.kind === "wrong" ? [messageOf(skipReasons.cooldownLabel, { text: cooldown.text })] : []),
  ];
}

/**
 * The containers as they are without the updates that are under way: each once, under the name that its owner gave it.
 * So a successor asks for nothing a second time, and nobody misses the container that it replaces.
 */
export function withoutSwaps(all: readonly ContainerFacts[]): readonly ContainerFacts[] {
  const settled = all.filter(({ name }) => !isSwapName(name));
  const byName = new Map(settled.map((facts) => [facts.name, facts]));
  for (const facts of all) {
    const name = parseSwapName(facts.name)?.name;
    if (name !== undefined && !byName.has(name)) byName.set(name, { ...facts, name });
  }
  return [...byName.values()];
}

/** All warnings, in the order of the table. */
export const containerWarnings = (
  all: readonly ContainerFacts[],
  settings: WatchSettings,
): readonly ContainerWarning[] => checks.flatMap((check) => check(all, settings));

/** Names are those of a container's fellows: of containers, or of services, whose label is read without LABEL_ENABLE. */
export function warningsAbout(
  all: readonly ContainerFacts[],
  settings: WatchSettings,
): readonly ContainerWarning[] {
  const services = all.filter(({ service }) => service !== undefined);
  return [
    ...containerWarnings(
      all.filter((facts) => !services.includes(facts)),
      settings,
    ),
    ...containerWarnings(services, { ...settings, LABEL_ENABLE: true }),
  ];
}

/** Whether the container is left alone, and has the label that protects it from another updater: so that one counts. */
const isProtectedBy = (label: string, facts: ContainerFacts, settings: WatchSettings): boolean =>
  findUnreadProtection(facts.labels, settings.COMPAT_LABELS)?.label === label &&
  whyUnwatched(facts, settings) !== undefined;

/** What of MONITOR and IGNORE is not among `names`: a sentence for each name that is like one of them, one for the rest. */
export const unknownNames = (
  names: readonly string[],
  { MONITOR, IGNORE }: Pick<WatchSettings, "MONITOR" | "IGNORE">,
): readonly string[] =>
  Object.entries({ MONITOR, IGNORE }).flatMap(([setting, wanted]) => {
    const unknown = wanted.filter((name) => !names.includes(name));
    const rest = unknown.filter((name) => didYouMean(name, names) === "");
    return [
      ...unknown.filter((name) => !rest.includes(name)).map((name) => unknownName(setting, name, names)),
      ...(rest.length === 0 ? [] : [unknownName(setting, rest.join(", "), [])]),
    ];
  });

const notRead = (label: string, setting: string): string =>
  messageOf(containerWarningTexts.labelNotRead, { label, setting });

function unknownName(where: string, name: string, names: readonly string[]): string {
  const nearest = didYouMean(name, names);
  const values = { where, name, nearest };
  return nearest === ""
    ? messageOf(containerWarningTexts.nameUnknown, values)
    : reasonOf(containerWarningTexts.nameUnknown, values);
}

function withLabel(all: readonly ContainerFacts[], label: string, sentence: string): ContainerWarning[] {
  const containers = all
    .filter(({ labels }) => Object.hasOwn(labels, label))
    .map(({ name }) => name)
    .sort();
  return containers.length === 0 ? [] : [{ sentence, containers }];
}

const noSuch = (
  container: string,
  where: string,
  name: string,
  all: readonly ContainerFacts[],
): ContainerWarning => ({
  sentence: unknownName(
    where,
    name,
    all.map((facts) => facts.name),
  ),
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

function unknownLabel(label: string): string {
  const [nearest] = KNOWN.map((ours) => ({ ours, distance: editDistance(label.toLowerCase(), ours) }))
    .filter(({ distance }) => distance <= MAX_DISTANCE)
    .sort((a, b) => a.distance - b.distance);
  return nearest === undefined
    ? messageOf(containerWarningTexts.labelUnknown, { label, nearest: "" })
    : reasonOf(containerWarningTexts.labelUnknown, { label, nearest: `; did you mean ${nearest.ours}?` });
}
