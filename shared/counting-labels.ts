// Which labels of a container count. The Engine merges an image's labels into the container's, so whoever makes an
// image could ask for what concerns others: that their containers are stopped, that an address is asked, that the host
// waits. Such a label counts only where the container's owner set it: where its value is not the image's. Pure.
import { foreignLabels } from "./foreign-labels.ts";
import { type Labels, labels } from "./labels.ts";
import type { COMPATIBLE } from "./setting-values.ts";

/** Of an image; `unknown` where the Engine no longer has it. */
export type ImageLabels = Labels | null | undefined | "unknown";

export interface Counting {
  readonly labels: Labels;
  /** Labels of the image that do not count. */
  readonly ignored: readonly string[];
}

type Reaches = boolean | ((value: string) => boolean);

const REACHING: ReadonlyMap<string, Reaches> = new Map(
  Object.entries<{ readonly says: string; readonly reaches?: Reaches }>({ ...labels, ...foreignLabels }).map(
    ([name, { reaches }]) => [name, reaches ?? false],
  ),
);

function reachesBeyond(name: string, value: string): boolean {
  const reaches = REACHING.get(name) ?? false;
  return typeof reaches === "function" ? reaches(value) : reaches;
}

/** `image`: of the image it runs; where the Engine no longer has that, nothing counts that could be the image's. */
export function countingLabels(own: Labels | null | undefined, image: ImageLabels): Counting {
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
export const worthTelling = (
  ignored: readonly string[],
  compat: readonly (typeof COMPATIBLE)[number][],
): readonly string[] =>
  ignored.filter((name) => {
    const foreign = Object.hasOwn(foreignLabels, name)
      ? foreignLabels[name as keyof typeof foreignLabels]
      : undefined;
    return foreign === undefined || compat.includes(foreign.of);
  });
