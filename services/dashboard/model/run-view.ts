// A run as the page lists it, from its records in order. Pure: each function returns what follows.
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import { type EndKind, kindOfEnd } from "../../../shared/contract/update-end.ts";

/** What happens to a container of the run now; `null` where nothing does yet, or it is over. */
export interface RunStage {
  readonly container: string;
  readonly doing: "asking" | "pulled" | "replacing" | "proving" | "ended";
  readonly since: string;
  readonly end?: EndKind;
}

export interface RunView {
  readonly host: string;
  readonly run: string;
  readonly mode: string;
  readonly begun: string;
  readonly containers: readonly string[];
  readonly stages: readonly RunStage[];
  readonly finished?: string;
  readonly ms?: number;
}

export const runKey = (host: string, run: string): string => `${host}/${run}`;

export function reduceRun(before: RunView | undefined, record: RunRecord): RunView {
  const { host, run, at } = record;
  const view = before ?? { host, run, mode: "update", begun: at, containers: [], stages: [] };
  switch (record.kind) {
    case "begun":
      return { ...view, mode: record.mode, begun: at, containers: record.containers };
    case "waiting":
      return record.container === null || record.participants.length === 0
        ? view
        : atStage(view, { container: record.container, doing: "asking", since: at });
    case "did":
      return record.step.startsWith("pull ")
        ? atStage(view, { container: record.container, doing: "pulled", since: at })
        : view;
    case "swapping":
    case "applying":
      return atStage(view, { container: record.container, doing: "replacing", since: at });
    case "swapped":
      return atStage(view, { container: record.container, doing: "proving", since: at });
    case "ended":
      return atStage(view, {
        container: record.container,
        doing: "ended",
        since: at,
        end: kindOfEnd(record),
      });
    case "finished":
      return { ...view, finished: at, ms: record.ms };
    case "decided":
    case "late":
    case "reverting":
      return view;
  }
}

/** What has ended for a container goes on no more, whatever is recorded for its dependants later. */
function atStage(view: RunView, stage: RunStage): RunView {
  const before = view.stages.find(({ container }) => container === stage.container);
  if (before?.doing === "ended" && stage.doing !== "ended") return view;
  return {
    ...view,
    stages: [...view.stages.filter(({ container }) => container !== stage.container), stage],
  };
}
