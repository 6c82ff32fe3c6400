// The exporter: makes metrics of the events, the journal and the hosts' entries. One serves a whole fleet.
import { CannotStart } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { settingErrors } from "../../shared/catalogue/start-errors.ts";
import { observerService } from "../../shared/runtime/run-observer.ts";

export const runExporter = observerService("exporter", async (observing) => {
  switch (observing.settings.DATA_EXPORT) {
    case "prometheus":
      return (await import("./prometheus.ts")).exportToPrometheus(observing);
    case "influxdb":
      return (await import("./influxdb.ts")).exportToInfluxdb(observing);
    case undefined:
      throw new CannotStart(
        messageOf(settingErrors.settingMissing, { setting: "DATA_EXPORT", value: "prometheus or influxdb" }),
      );
  }
});
