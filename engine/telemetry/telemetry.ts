/** What the rooms may say about themselves: log lines and metrics, over the contract's names. */
import type { MetricName, metrics } from "../contract/metrics.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Plain values only; no prompt text, no key, no tenant or subject. */
export type LogFields = Record<string, string | number | boolean | undefined>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with these fields in every line. */
  with(fields: LogFields): Log;
}

export type Labels<N extends MetricName> = Record<(typeof metrics)[N]["labels"][number], string>;

export interface Metrics {
  /** Adds to a counter. */
  add<N extends MetricName>(name: N, labels: Labels<N>, by?: number): void;
  /** Sets a gauge. */
  set<N extends MetricName>(name: N, labels: Labels<N>, value: number): void;
  /** Puts a value into a histogram. */
  observe<N extends MetricName>(name: N, labels: Labels<N>, value: number): void;
  /** Called before each rendering, to set gauges that are read rather than kept, until the returned function is called. */
  onCollect(collect: () => void): () => void;
  /** Forgets a series, when what it measured is gone. */
  remove<N extends MetricName>(name: N, labels: Labels<N>): void;
  /** Prometheus text format 0.0.4. */
  render(): string;
}

export interface Telemetry {
  log: Log;
  metrics: Metrics;
}
