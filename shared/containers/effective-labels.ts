// Which labels of a container count. The Engine merges an image's labels into the container's, so whoever makes an
// image could ask for what concerns others: that their containers are stopped, that an address is asked, that the host
// waits. Such a label counts only where the container's owner set it: where its value is not the image's. Pure.
import { foreignLabels } from "../settings/foreign-labels.ts";
import { type Labels, labels } from "../settings/labels.ts";
import type { COMPATIBLE } from "../settings/setting-values.ts";

/** Of an image; `unknown` where the Engine no longer has it. */
export type ImageLabels = Labels | null | undefined | "unknown";

export interface EffectiveLabels {
  readonly labels: Labels;
  /** Labels of the image that do not count. */
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

/** `image`: of the image it runs; where the Engine no longer has that, nothing counts that could be the image's. */
export function selectEffectiveLabels(own: Labels | null | undefined, image: ImageLabels): EffectiveLabels {
  const inherited = image === "unknown" ? own : image;
  const isImages = ([name, value]: readonly [string, string]): boolean =>
    reachesBeyond(name, value) &&
    inherited !== undefined &&
    inherited !== null &&
    Object.hasOwn(inherited, name) &&
    inherited[name] === value;
  const all = Object.entries(own ?? {});
  return {
    labels: Object.fromEntries(all.filter((one) => !isImages(one))),
    ignored: image === "unknown" ? [] : all.filter(isImages).map(([name]) => name),
  };
}

/** Those that would count if the container's owner had set them. */
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
