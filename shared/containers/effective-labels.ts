// Selects the labels of a container that count. The Engine merges the image's labels into the container's, so the
// author of an image could reach beyond the container: have other containers stopped, an address requested, or the
// host kept waiting. Such a label counts only where the container's owner set it, that is, where its value differs
// from the image's. Pure.
import { foreignLabels } from "../settings/foreign-labels.ts";
import { type Labels, labels } from "../settings/labels.ts";
import type { COMPATIBLE } from "../settings/setting-values.ts";

/** Labels of an image; `unknown` where the Engine no longer has the image. */
export type ImageLabels = Labels | null | undefined | "unknown";

export interface EffectiveLabels {
  readonly labels: Labels;
  /** Names of labels from the image that do not count. */
  readonly ignored: readonly string[];
}

type Reaches = boolean | ((value: string) => boolean);

const REACH_BY_LABEL: ReadonlyMap<string, Reaches> = new Map(
  Object.entries<{ readonly says: string; readonly reaches?: Reaches }>({ ...labels, ...foreignLabels }).map(
    ([name, { reaches }]) => [name, reaches ?? false],
  ),
);

function reachesBeyond(name: string, value: string): boolean {
  const reaches = REACH_BY_LABEL.get(name) ?? false;
  return typeof reaches === "function" ? reaches(value) : reaches;
}

/**
 * Where the image's labels are unknown, no label counts that reaches beyond the container and could be the image's.
 */
export function selectEffectiveLabels(own: Labels | null | undefined, image: ImageLabels): EffectiveLabels {
  const inherited = image === "unknown" ? own : image;
  const isFromImage = ([name, value]: readonly [string, string]): boolean =>
    reachesBeyond(name, value) &&
    inherited !== undefined &&
    inherited !== null &&
    Object.hasOwn(inherited, name) &&
    inherited[name] === value;
  const all = Object.entries(own ?? {});
  return {
    labels: Object.fromEntries(all.filter((entry) => !isFromImage(entry))),
    ignored: image === "unknown" ? [] : all.filter(isFromImage).map(([name]) => name),
  };
}

/** The ignored labels worth a report: those that would count if the container's owner had set them. */
export const selectReportableLabels = (
  ignored: readonly string[],
  compat: readonly (typeof COMPATIBLE)[number][],
): readonly string[] =>
  ignored.filter((name) => {
    const foreign = Object.hasOwn(foreignLabels, name)
      ? foreignLabels[name as keyof typeof foreignLabels]
      : undefined;
    return foreign === undefined || compat.includes(foreign.of);
  });
