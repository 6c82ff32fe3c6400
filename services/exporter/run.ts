import { STREAMS } from "../../shared/contract/subjects.ts";
import { follow, observerService } from "../../shared/runtime/run-observer.ts";

export const runExporter = observerService("exporter", (observing) =>
  follow(observing, STREAMS.hooks, () => Promise.resolve()),
);
