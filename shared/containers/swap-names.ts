// The names a container bears while it is swapped. They alone tell, after any crash, what was begun: this is what
// recovery reads. Pure.

const SUCCESSOR = "ouroboros-new";
const BACKUP = "ouroboros-old";
const SHORT_ID = 12;

/** Of the new container until it takes over the name. */
export const successorName = (name: string, run: string): string => `${name}.${SUCCESSOR}-${run}`;
/**
 * Of the old container until it is removed. It ends with the beginning of its successor's id: what else bears the name by
 * then is its owner's.
 */
export const backupName = (name: string, run: string, successor?: string): string =>
  `${name}.${BACKUP}-${run}${successor === undefined ? "" : `-${successor.slice(0, SHORT_ID)}`}`;

/**
 * Of an old container that is kept though its update is over: one of Ouroboros itself, because of before_self_cleanup, or one
 * whose name its owner gave to another container.
 */
export const keptName = (name: string, run: string): string => `${name}.ouroboros-kept-${run}`;

export interface SwapName {
  readonly name: string;
  readonly run: string;
  readonly part: "successor" | "backup";
  /** The beginning of the id of a backup's successor. */
  readonly successor?: string;
}

/** Undefined for a container that no swap named. */
export function parseSwapName(containerName: string): SwapName | undefined {
  const { name, part, run, successor } =
    /^(?<name>.+)\.(?<part>ouroboros-new|ouroboros-old)-(?<run>[0-9a-z]+)(?:-(?<successor>[0-9a-f]{12}))?$/.exec(
      containerName,
    )?.groups ?? {};
  if (name === undefined || run === undefined) return undefined;
  return {
    ...{ name, run, part: part === BACKUP ? "backup" : "successor" },
    ...(successor !== undefined && { successor }),
  };
}

/** The name its user gave it. */
export const userGivenName = (containerName: string): string =>
  parseSwapName(containerName)?.name ?? containerName;

/** Also of one that is kept though its swap is over. */
export const isSwapName = (containerName: string): boolean =>
  parseSwapName(containerName) !== undefined || /\.ouroboros-kept-[0-9a-z]+$/.test(containerName);

/** As listed. A container that others link to has their names for it too: `/linker/alias`. Empty where it has none of its own. */
export const primaryName = (names: readonly string[]): string =>
  (names.find((name) => name.lastIndexOf("/") === 0) ?? "").slice(1);
