// Notices whether the tasks of a service get further. A slot has reached a state once with the image before and once
// with the new one; a task that fails and starts anew, again and again, reaches nothing new, so an update that waits for
// another task ends all the same. Pure but for its memory.
import { digestOfImage, type TaskDocument } from "../../../shared/swarm/service-document.ts";
import type { ServiceState } from "./judge-update.ts";

export class TaskProgress {
  readonly #digest: string;
  readonly #reached = new Set<string>();

  /** `digest`: of the image that the tasks are to get. */
  constructor(digest: string) {
    this.#digest = digest;
  }

  /** Whether a task, or the service, is further than at any look before. */
  note({ service, tasks }: ServiceState): boolean {
    const before = this.#reached.size;
    this.#reached.add(`version ${service?.Version.Index}`);
    for (const task of tasks) this.#reached.add(this.#summarize(task));
    return this.#reached.size > before;
  }

  #summarize({ ID, Slot, NodeID, Spec, DesiredState, Status }: TaskDocument): string {
    const isNew = digestOfImage(Spec.ContainerSpec?.Image ?? "") === this.#digest;
    const place = Slot ?? NodeID ?? ID; // a global service has no slots, but a task on each node
    return JSON.stringify([place, isNew, DesiredState, Status.State]);
  }
}
