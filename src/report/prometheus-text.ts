/**
 * Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/, read 2026-11-23): every
 * metric with its help and type, then its samples. What is not known is left out.
 */
export interface MetricWriter {
  gauge(name: string, help: string, samples: readonly MetricSample[]): void;
  counter(name: string, help: string, samples: readonly MetricSample[]): void;
  /** Classes by their upper bounds, each counting those below it too; infinity is added. */
  histogram(name: string, help: string, series: readonly HistogramSeries[]): void;
  text(): string;
}

export interface MetricSample {
  labels?: Readonly<Record<string, string>>;
  value: number | null;
}

export interface HistogramSeries {
  labels: Readonly<Record<string, string>>;
  classes: readonly (readonly [upTo: number, n: number])[];
  sum: number;
  count: number;
}

const PREFIX = "crmledger_";

export function createMetricWriter(): MetricWriter {
  const lines: string[] = [];
  const head = (name: string, type: string, help: string): void => {
    lines.push(`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`);
  };
  const sample = (name: string, labels: Readonly<Record<string, string>>, value: number): void => {
    lines.push(`${PREFIX}${name}${labelText(labels)} ${value}`);
  };
  const metric = (type: string) => (name: string, help: string, samples: readonly MetricSample[]) => {
    const known = samples.filter(({ value }) => value !== null);
    if (known.length === 0) return;
    head(name, type, help);
    for (const { labels = {}, value } of known) sample(name, labels, value!);
  };
  return {
    gauge: metric("gauge"),
    counter: metric("counter"),
    histogram(name, help, series) {
      head(name, "histogram", help);
      for (const { labels, classes, sum, count } of series) {
        let below = 0;
        for (const [upTo, n] of classes) {
          below += n;
          sample(`${name}_bucket`, { ...labels, le: String(upTo) }, below);
        }
        sample(`${name}_bucket`, { ...labels, le: "+Inf" }, count);
        sample(`${name}_sum`, labels, sum);
        sample(`${name}_count`, labels, count);
      }
    },
    text: () => `${lines.join("\n")}\n`,
  };
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

const escaped = (value: string): string =>
  value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
