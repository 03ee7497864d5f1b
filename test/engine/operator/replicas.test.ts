/** The hand-over of replicas between a Model and its workload. */
import { expect, test } from "vitest";
import { createSeededRandom } from "../../../engine/kit/random.ts";
import { stepReplicas } from "../../../engine/operator/replicas.ts";

const range = { min: 1, max: 5 };

test.each([
  [
    "no workload yet",
    { current: 3, handed: undefined, workload: undefined },
    { handed: undefined },
  ],
  ["never said", { current: undefined, handed: undefined, workload: 2 }, { handed: 2, current: 2 }],
  [
    "never said, out of range",
    { current: undefined, handed: undefined, workload: 9 },
    { handed: 5, current: 5, scale: 5 },
  ],
  ["at rest", { current: 2, handed: 2, workload: 2 }, { handed: 2 }],
  ["kubectl scale", { current: 4, handed: 2, workload: 2 }, { handed: 4, scale: 4 }],
  [
    "kubectl scale, too far",
    { current: 9, handed: 2, workload: 2 },
    { handed: 5, current: 5, scale: 5 },
  ],
  ["the scaler of gateways", { current: 2, handed: 2, workload: 3 }, { handed: 3, current: 3 }],
  [
    "the scaler, below min",
    { current: 2, handed: 2, workload: 0 },
    { handed: 1, current: 1, scale: 1 },
  ],
  ["both: the person wins", { current: 4, handed: 2, workload: 3 }, { handed: 4, scale: 4 }],
  ["status lost", { current: 4, handed: undefined, workload: 1 }, { handed: 4, scale: 4 }],
])("%s", (_, seen, step) => {
  expect(stepReplicas({ range, ...seen })).toEqual(step);
});

test("a fixed number is the workload's own matter", () => {
  const fixed = { min: 2, max: 2 };
  const step = stepReplicas({ range: fixed, current: 7, handed: 2, workload: 2 });
  expect(step).toEqual({ handed: 2, current: 2 });
});

test("whatever was said, one step comes to rest, in the range", () => {
  const random = createSeededRandom(7);
  const number = () => Math.floor(random() * 8);
  for (let index = 0; index < 500; index++) {
    const min = number();
    const bounds = { min, max: min + 1 + number() };
    const seen = { range: bounds, current: number(), handed: number(), workload: number() };
    const step = stepReplicas(seen);
    const next = {
      range: bounds,
      current: step.current ?? seen.current,
      handed: step.handed,
      workload: step.scale ?? seen.workload,
    };
    expect(stepReplicas(next)).toEqual({ handed: step.handed });
    expect(next.workload).toBeGreaterThanOrEqual(bounds.min);
    expect(next.workload).toBeLessThanOrEqual(bounds.max);
  }
});
