// An exporter for Prometheus as a process of its own, with SAVE_COUNTERS.
import { join } from "node:path";
import { freePort } from "../../support/monitoring.ts";
import { type Process, startProcess } from "../../support/stack.ts";
import { until } from "../../support/until.ts";

const PROGRAM = join(import.meta.dirname, "../../../services/exporter/main.js");

export interface ExporterStarter {
  readonly url: string;
  readonly start: () => Process;
  /** Resolves when it serves the line. */
  readonly serves: (exporter: Process, line: string) => Promise<boolean>;
}

/** Each one that it starts serves on the same port. */
export async function prepareExporter(env: Readonly<Record<string, string>>): Promise<ExporterStarter> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/metrics`;
  const lines = async (): Promise<string[]> => {
    const text = await fetch(url).then(
      (response) => response.text(),
      () => "", // it does not listen yet
    );
    return text.split("\n");
  };
  return {
    url,
    start: () =>
      startProcess(PROGRAM, {
        ...{ PATH: process.env["PATH"] ?? "", SAVE_COUNTERS: "true", LOG_LEVEL: "debug" },
        ...{ DATA_EXPORT: "prometheus", PROMETHEUS_PORT: String(port), ...env },
      }),
    serves: (exporter, line) =>
      until(line, async () => (await lines()).includes(line), { explain: exporter.log }),
  };
}
