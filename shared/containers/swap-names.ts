// The names that containers bear during a swap. Recovery relies on them: after any crash the names alone tell what
// had been begun. Pure.

const SUCCESSOR = "ouroboros-new";
const BACKUP = "ouroboros-old";
const SHORT_ID = 12;

/** The name of the new container until it takes over the user's name. */
export const successorName = (name: string, run: string): string => `${name}.${SUCCESSOR}-${run}`;
/**
 * The name of the old container until it is removed. It ends with the start of its successor's id: any other
 * container that bears the user's name by then belongs to the user.
 */
export const backupName = (name: string, run: string, successor?: string): string =>
  `${name}.${BACKUP}-${run}${successor === undefined ? "" : `-${successor.slice(0, SHORT_ID)}`}`;

/**
 * The name of an old container that is kept although its update is over: a part of Ouroboros, because of
 * before_self_cleanup, or a container whose name its owner gave to another container.
 */
export const keptName = (name: string, run: string): string => `${name}.ouroboros-kept-${run}`;

export interface SwapName {
  readonly name: string;
  readonly run: string;
  readonly part: "successor" | "backup";
  /** The start of the successor's id; only in the name of a backup. */
  readonly successor?: string;
}

/** Undefined where the name does not come from a swap. */
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

/** The name that the user gave the container. */
export const userGivenName = (containerName: string): string =>
  parseSwapName(containerName)?.name ?? containerName;

/** Also true for a container that is kept although its swap is over. */
export const isSwapName = (containerName: string): boolean =>
  parseSwapName(containerName) !== undefined || /\.ouroboros-kept-[0-9a-z]+$/.test(containerName);

/**
 * Picks a container's own name from those that the Engine lists. A container that others link to is also listed under
 * their aliases, as `/linker/alias`. Empty where it has no name of its own.
 */
export const primaryName = (names: readonly string[]): string =>
  (names.find((name) => name.lastIndexOf("/") === 0) ?? "").slice(1);
