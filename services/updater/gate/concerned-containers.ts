// Which containers an event is about, by name and labels, so that a participant is asked about those of its choice only.
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";

/** As much of a container as participants choose by. */
export interface ConcernedContainer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** There were more. */
  readonly truncated?: true | undefined;
}

/** Of one run: `before_image_cleanup` names a container whose labels an earlier event of the run told. */
export class ConcernedContainers {
  readonly #known = new Map<string, ConcernedContainer>();

  find(hook: HookName, container: string | null, locals: object): ConcernedContainer[] {
    const told = Object.values(locals).flatMap(containersIn);
    for (const one of told) this.#known.set(one.name, one);
    if (hooks[hook].about === "run" || container === null) return updatesIn(locals);
    return [this.#known.get(container) ?? { name: container, labels: {} }];
  }
}

const updatesIn = (locals: object): ConcernedContainer[] =>
  "updateable" in locals ? containersIn(locals.updateable) : [];

/** A local is a container, an update of one, or a list of either. */
const containersIn = (local: unknown): ConcernedContainer[] =>
  Array.isArray(local) ? local.flatMap(containerIn) : containerIn(local);

function containerIn(local: unknown): ConcernedContainer[] {
  const one = isObject(local) && isObject(local["container"]) ? local["container"] : local;
  return isContainer(one)
    ? [{ name: one.name, labels: one.labels, ...(one.truncated && { truncated: one.truncated }) }]
    : [];
}

/** Told from an image by its fields; locals were parsed when they came, so that this is no second reading of them. */
const isContainer = (local: unknown): local is ConcernedContainer =>
  isObject(local) && "image_id" in local && typeof local["name"] === "string" && isObject(local["labels"]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
