// Finds the containers that an event is about, by name and labels, so that a participant is asked only about those it
// chose.
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";

/** The facts of a container by which participants choose. */
export interface ConcernedContainer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Labels were left out or cut. */
  readonly truncated?: true | undefined;
}

/**
 * For one run. Remembers labels, because `before_image_cleanup` names a container whose labels only an earlier event
 * had.
 */
export class ConcernedContainers {
  readonly #known = new Map<string, ConcernedContainer>();

  find(hook: HookName, container: string | null, locals: object): ConcernedContainer[] {
    const mentioned = Object.values(locals).flatMap(containersIn);
    for (const container of mentioned) this.#known.set(container.name, container);
    if (hooks[hook].about === "run" || container === null) return updatesIn(locals);
    return [this.#known.get(container) ?? { name: container, labels: {} }];
  }
}

const updatesIn = (locals: object): ConcernedContainer[] =>
  ["updateable", "updateable_services"].flatMap((name) =>
    containersIn((locals as Record<string, unknown>)[name]),
  );

/** A local is a container or a service, an update of one, or a list of either. */
const containersIn = (local: unknown): ConcernedContainer[] =>
  Array.isArray(local) ? local.flatMap(containerIn) : containerIn(local);

function containerIn(local: unknown): ConcernedContainer[] {
  const workload = isObject(local) ? (local["container"] ?? local["service"]) : undefined;
  const candidate = isObject(workload) ? workload : local;
  return isContainer(candidate)
    ? [
        {
          name: candidate.name,
          labels: candidate.labels,
          ...(candidate.truncated && { truncated: candidate.truncated }),
        },
      ]
    : [];
}

/**
 * Tells a container from an image by its fields. The locals were parsed on arrival, so nothing is validated again.
 */
const isContainer = (local: unknown): local is ConcernedContainer =>
  isObject(local) && "image_id" in local && typeof local["name"] === "string" && isObject(local["labels"]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
