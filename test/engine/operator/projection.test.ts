/** What counts as a change by others. */
import { expect, test } from "vitest";
import type { JsonValue } from "../../../engine/contract/chat.ts";
import { project, stableText } from "../../../engine/operator/projection.ts";

const wanted = { spec: { replicas: 2, containers: [{ name: "a", image: "i" }], args: ["x"] } };

test.each<[string, JsonValue, boolean]>([
  ["defaults of the API", { spec: { ...wanted.spec, paused: false }, status: {} }, true],
  [
    "an injected sidecar",
    { spec: { ...wanted.spec, containers: [{ name: "s" }, { name: "a", image: "i", tty: true }] } },
    true,
  ],
  ["another image", { spec: { ...wanted.spec, containers: [{ name: "a", image: "j" }] } }, false],
  ["a missing container", { spec: { ...wanted.spec, containers: [] } }, false],
  ["a longer plain list", { spec: { ...wanted.spec, args: ["x", "y"] } }, false],
  ["a missing field", { spec: { containers: wanted.spec.containers, args: ["x"] } }, false],
])("%s", (_, live, isSame) => {
  const own = stableText(project(wanted, wanted));
  expect(stableText(project(live, wanted)) === own).toBe(isSame);
});

test("equal values have equal text, whatever the order of their fields", () => {
  expect(stableText({ a: { c: 1, b: [2] } })).toBe(stableText({ a: { b: [2], c: 1 } }));
});
