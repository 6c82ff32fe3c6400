// On a host that Ouroboros has never updated, logs before the first plan what it is going to update and how to only
// watch instead.
import type { Logger } from "pino";
import type { PlannedGroup } from "./plan/plan.ts";

/** The part of the host's record that matters here. */
interface ActedRecord {
  readonly acted?: boolean | undefined;
  readonly last_plan: object | null;
}

/** Whether a plan that changes containers was published for the host. Earlier versions did not record `acted`. */
export const hasActed = ({ acted, last_plan }: ActedRecord): boolean => acted ?? last_plan !== null;

const WATCH_ONLY = "to watch only, start it with MONITOR_ONLY=true";

export class FirstStart {
  #isFirst = false;

  noteRecord(record: ActedRecord): void {
    this.#isFirst = !hasActed(record);
  }

  /** `watched` is the number of containers that may be updated. */
  announce(log: Logger, groups: readonly PlannedGroup[], watched: number): void {
    if (!this.#isFirst) return;
    this.#isFirst = false;
    const due = groups.flatMap(({ entries }) => entries);
    const intent =
      due.length === 0
        ? `nothing is due now, and ${watched} container${watched === 1 ? "" : "s"} will be updated as newer images come`
        : `it is going to update ${due.map(({ facts }) => facts.name).join(", ")} now`;
    log.info(
      { images: Object.fromEntries(due.map(({ facts, ref }) => [facts.name, ref.familiar])) },
      `Ouroboros has never updated anything on this host: ${intent}; ${WATCH_ONLY}`,
    );
  }
}
