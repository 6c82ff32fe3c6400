// Why an update is due, and what it waits for. Pure data.
import type { Catalogue } from "./entry.ts";

/** Where a newer image is there, and nothing about the container prevents its update. */
export const dueReasons = {
  due: {
    says: "an update is due",
    cause: "The registry has a newer image for its tag.",
    remedy: "nothing; it begins at the next check, or now with `ouroboros update {container}`",
  },
  inPlan: {
    says: "an update is due, in the plan of run {run}",
    cause: "The updater has the plan, or gets it now.",
    remedy: "nothing; `ouroboros pending` shows what is waited for",
  },
  inNextPlan: {
    says: "an update is due, in the plan after this one",
    cause: "The plan before was full.",
    remedy: "nothing; that plan follows by itself",
  },
  waits: {
    says: "an update is due: {because}",
    cause: "A plan is published when the updater has finished the one before.",
    remedy: "nothing where an updater runs, as `ouroboros status` shows: it begins by itself; else start one",
  },
  monitored: {
    says: "a newer image is there, and MONITOR_ONLY only reports it",
    cause: "The poller's settings want no updates.",
    remedy: "unset MONITOR_ONLY to have it updated",
  },
  reported: {
    says: "a newer image is there, and was reported already: MONITOR_ONLY only reports it",
    cause: "With MONITOR_ONLY each newer image is reported once.",
    remedy: "unset MONITOR_ONLY to have it updated",
  },
  dryRun: {
    says: "a newer image is there, and DRY_RUN only reports it",
    cause: "The poller's settings want no updates.",
    remedy: "unset DRY_RUN to have it updated",
  },
  tooLarge: {
    says: "its group does not fit in one plan",
    cause: "What is said of its containers is larger than a message may be.",
    remedy: "name fewer labels in EVENT_LABELS, or remove dependency labels",
  },
} as const satisfies Catalogue;
