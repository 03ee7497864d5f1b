/** The metrics registry: holds the series of the contract's metrics in bounded number and writes them as Prometheus text. */
import { type MetricName, type MetricSpec, metrics } from "../contract/metrics.ts";
import type { Labels, Metrics } from "./telemetry.ts";

/** Series of one metric; the next label set is counted in one series whose labels are all `other`. */
const seriesMax = 512;

interface Series {
  labels: string;
  value: number;
  /** Of a histogram: observations at or below each bucket's bound, and all of them. */
  buckets: number[];
  count: number;
}

interface Family {
  name: MetricName;
  spec: MetricSpec;
  series: Map<string, Series>;
}

export function createMetrics(): Metrics {
  const families = new Map<MetricName, Family>(
    Object.entries(metrics).map(([name, spec]) => [
      name as MetricName,
      { name: name as MetricName, spec, series: new Map() },
    ]),
  );
  const collectors = new Set<() => void>();

  function seriesOf<N extends MetricName>(name: N, labels: Labels<N>): Series {
    const family = families.get(name)!;
    const text = renderLabels(family.spec.labels, labels);
    const known = family.series.get(text);
    if (known !== undefined) return known;
    const key = family.series.size < seriesMax ? text : overflowLabels(family.spec.labels);
    const fresh = family.series.get(key) ?? newSeries(key, family.spec);
    family.series.set(key, fresh);
    return fresh;
  }

  return {
    add(name, labels, by = 1) {
      seriesOf(name, labels).value += by;
    },
    set(name, labels, value) {
      seriesOf(name, labels).value = value;
    },
    observe(name, labels, value) {
      const series = seriesOf(name, labels);
      series.value += value;
      series.count += 1;
      const bounds: readonly number[] = families.get(name)?.spec.buckets ?? [];
      for (const [index, bound] of bounds.entries())
        if (value <= bound) series.buckets[index] = (series.buckets[index] ?? 0) + 1;
    },
    onCollect(collect) {
      collectors.add(collect);
      return () => void collectors.delete(collect);
    },
    remove(name, labels) {
      const family = families.get(name);
      family?.series.delete(renderLabels(family.spec.labels, labels));
    },
    render() {
      for (const collect of collectors) collect();
      return [...families.values()].map(renderFamily).join("");
    },
  };
}

function newSeries(labels: string, spec: MetricSpec): Series {
  return { labels, value: 0, count: 0, buckets: (spec.buckets ?? []).map(() => 0) };
}

function renderFamily({ name, spec, series }: Family): string {
  const head = `# HELP ${name} ${spec.help}\n# TYPE ${name} ${spec.kind}\n`;
  const lines = [...series.values()].map(one =>
    spec.kind === "histogram"
      ? renderHistogram(name, spec, one)
      : `${name}${braces(one.labels)} ${one.value}\n`,
  );
  return head + lines.join("");
}

function renderHistogram(name: string, spec: MetricSpec, series: Series): string {
  const bound = (le: number | string, count: number) =>
    `${name}_bucket${braces(join(series.labels, `le="${le}"`))} ${count}\n`;
  const buckets = (spec.buckets ?? []).map((le, index) => bound(le, series.buckets[index] ?? 0));
  return [
    ...buckets,
    bound("+Inf", series.count),
    `${name}_sum${braces(series.labels)} ${series.value}\n`,
    `${name}_count${braces(series.labels)} ${series.count}\n`,
  ].join("");
}

function renderLabels(names: readonly string[], labels: Record<string, string>): string {
  return names.map(name => `${name}="${escapeLabel(labels[name] ?? "")}"`).join(",");
}

function overflowLabels(names: readonly string[]): string {
  return names.map(name => `${name}="other"`).join(",");
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function join(labels: string, label: string): string {
  return labels === "" ? label : `${labels},${label}`;
}

function braces(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}
