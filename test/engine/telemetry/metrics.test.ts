/** The registry's Prometheus text, and that its number of series is bounded. */
import { expect, test } from "vitest";
import { metrics } from "../../../engine/contract/metrics.ts";
import { createMetrics } from "../../../engine/telemetry/metrics.ts";

test("counters add up by label set and labels are escaped", () => {
  const registry = createMetrics();
  registry.add("echorator_model_crashes_total", { model: 'a"b\\c\nd' });
  registry.add("echorator_model_crashes_total", { model: 'a"b\\c\nd' }, 2);
  expect(registry.render()).toContain('echorator_model_crashes_total{model="a\\"b\\\\c\\nd"} 3\n');
});

test("a histogram has cumulative buckets, a sum and a count", () => {
  const registry = createMetrics();
  for (const tokens of [0, 40, 5_000]) registry.observe("dte_memory_tokens", {}, tokens);
  const text = registry.render();
  expect(text).toContain('dte_memory_tokens_bucket{le="0"} 1\n');
  expect(text).toContain('dte_memory_tokens_bucket{le="64"} 2\n');
  expect(text).toContain('dte_memory_tokens_bucket{le="2048"} 2\n');
  expect(text).toContain('dte_memory_tokens_bucket{le="+Inf"} 3\n');
  expect(text).toContain("dte_memory_tokens_sum 5040\n");
  expect(text).toContain("dte_memory_tokens_count 3\n");
});

test("gauges are read at each rendering", () => {
  const registry = createMetrics();
  let length = 1;
  registry.onCollect(() => registry.set("echorator_queue_length", { model: "m" }, length));
  expect(registry.render()).toContain('echorator_queue_length{model="m"} 1\n');
  length = 7;
  expect(registry.render()).toContain('echorator_queue_length{model="m"} 7\n');
});

test("what is gone is measured no more", () => {
  const registry = createMetrics();
  const forget = registry.onCollect(() =>
    registry.set("echorator_queue_length", { model: "m" }, 1),
  );
  registry.render();
  forget();
  registry.remove("echorator_queue_length", { model: "m" });
  expect(registry.render()).not.toContain('echorator_queue_length{model="m"}');
});

test("the number of series is bounded: what comes later is counted together", () => {
  const registry = createMetrics();
  for (let index = 0; index < 2_000; index++)
    registry.add("echorator_model_crashes_total", { model: `m${index}` });
  const lines = registry.render().match(/^echorator_model_crashes_total\{.*$/gm) ?? [];
  expect(lines.length).toBeLessThanOrEqual(513);
  expect(lines.at(-1)).toMatch(/model="other"\} 14\d\d$/);
});

test("every metric of the contract is announced with help and type", () => {
  const text = createMetrics().render();
  for (const [name, spec] of Object.entries(metrics)) {
    expect(text).toContain(`# HELP ${name} ${spec.help}\n`);
    expect(text).toContain(`# TYPE ${name} ${spec.kind}\n`);
  }
});
