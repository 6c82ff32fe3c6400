// The names a container bears while it is swapped. They alone tell, after any crash, what was begun: this is what
// recovery reads. Pure.

const SUCCESSOR = "ouroboros-new";
const BACKUP = "ouroboros-old";

/** Of the new container until it takes over the name. */
export const successorName = (name: string, run: string): string => `${name}.${SUCCESSOR}-${run}`;
/** Of the old container until it is removed. */
export const backupName = (name: string, run: string): string => `${name}.${BACKUP}-${run}`;

/** Of an old container of Ouroboros itself that before_self_cleanup keeps: no swap is under way any more. */
export const keptName = (name: string, run: string): string => `${name}.ouroboros-kept-${run}`;

export interface SwapName {
  readonly name: string;
  readonly run: string;
  readonly part: "successor" | "backup";
}

/** Undefined for a container that no swap named. */
export function parseSwapName(containerName: string): SwapName | undefined {
  const { name, part, run } =
    /^(?<name>.+)\.(?<part>ouroboros-new|ouroboros-old)-(?<run>[0-9a-z]+)$/.exec(containerName)?.groups ?? {};
  if (name === undefined || run === undefined) return undefined;
  return { name, run, part: part === BACKUP ? "backup" : "successor" };
}

/** The name its user gave it. */
export const userName = (containerName: string): string =>
  parseSwapName(containerName)?.name ?? containerName;
