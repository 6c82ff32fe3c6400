// The metrics of the table as prom-client serves them: histograms observe, all others are set at each scrape.
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { type HistogramName, type Metric, type SampledName, metricNames, metrics } from "./metrics-table.ts";
import type { Sample } from "./sample-values.ts";
import type { Observe } from "./tally.ts";

export interface MetricsRegistry {
  readonly observe: Observe;
  /** Removes the series of the histograms that have the host as a label. */
  readonly forgetHost: (host: string) => void;
  readonly contentType: string;
  readonly print: (samples: ReadonlyMap<SampledName, readonly Sample[]>) => Promise<string>;
}

export function makeRegistry(): MetricsRegistry {
  const registry = new Registry();
  const histograms = new Map<string, Histogram>();
  let current: ReadonlyMap<SampledName, readonly Sample[]> = new Map();
  for (const name of metricNames) {
    const { type, says: help, labels, buckets }: Metric = metrics[name];
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === "histogram")
      histograms.set(name, new Histogram({ ...options, buckets: [...(buckets ?? [])] }));
    else {
      const samples = () => named(labels, current.get(name as SampledName) ?? []);
      if (type === "gauge") addGauge(options, samples);
      else addCounter(options, samples);
    }
  }
  return {
    observe: (name: HistogramName, label, seconds) =>
      histograms.get(name)?.observe({ [metrics[name].labels[0]]: label }, seconds),
    forgetHost: (host) => {
      for (const [name, histogram] of histograms)
        if (metrics[name as HistogramName].labels[0] === "host") histogram.remove({ host });
    },
    contentType: registry.contentType,
    print: (samples) => {
      current = samples;
      return registry.metrics();
    },
  };
}

interface NamedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Options {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

const named = (names: readonly string[], samples: readonly Sample[]): readonly NamedSample[] =>
  samples.map(({ labels, value }) => ({
    labels: Object.fromEntries(names.map((name, index) => [name, labels[index] ?? ""])),
    value,
  }));

function addGauge(options: Options, samples: () => readonly NamedSample[]): void {
  new Gauge({
    ...options,
    collect() {
      this.reset();
      for (const { labels, value } of samples()) this.set(labels, value);
    },
  });
}

function addCounter(options: Options, samples: () => readonly NamedSample[]): void {
  new Counter({
    ...options,
    collect() {
      this.reset();
      for (const { labels, value } of samples()) this.inc(labels, value);
    },
  });
}
