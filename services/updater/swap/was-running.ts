// Tells whether a container ran before the run stopped anything: only such a container is started again.
import type { ContainerInspection } from "../../../shared/docker/inspect-documents.ts";
import type { Snapshot } from "../journal/snapshot-store.ts";

interface RunningBefore {
  /** Ids of containers that ran. */
  readonly ran: ReadonlySet<string>;
  readonly snapshots?: readonly Snapshot[] | undefined;
}

/** Decides by a snapshot if there is one; else by the Engine's clock, which may have been set back since. */
export function wasRunning(
  { ran, snapshots = [] }: RunningBefore,
  { Id: id, State }: ContainerInspection,
  since: string | undefined,
): boolean {
  if (State.Running || ran.has(id)) return true;
  if (snapshots.some(({ container }) => container.Id === id)) return false; // `ran` would contain it
  return since !== undefined && Date.parse(State.FinishedAt) >= Date.parse(since);
}
