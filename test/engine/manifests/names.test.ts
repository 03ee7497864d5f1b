/** Names: readable where they fit, unique and short enough where they do not. */
import { expect, test } from "vitest";
import { createSeededRandom, randomText } from "../../../engine/kit/random.ts";
import { modelNames, objectName } from "../../../engine/manifests/names.ts";

test("a name that fits is kept, a longer one has a digest of all of it", () => {
  expect(objectName("model-echo")).toBe("model-echo");
  expect(objectName("x".repeat(47))).toBe("x".repeat(47));
  expect(objectName("x".repeat(48))).toMatch(/^x{38}-[0-9a-f]{8}$/);
  expect(objectName(`${"x".repeat(37)}-y${"z".repeat(20)}`)).toMatch(/^x{37}-[0-9a-f]{8}$/);
});

test("no two of 2,000 models have a name in common, canaries included", () => {
  const random = createSeededRandom(7);
  const names = Array.from({ length: 1_000 }, () => {
    const name = randomText(random, "ab", 40 + Math.floor(random() * 16));
    return [name, `${name}-canary`];
  }).flat();
  const own = [...new Set(names)].flatMap(name => Object.values(modelNames(name)));
  expect(new Set(own).size).toBe(own.length);
  for (const name of own) expect(name).toMatch(/^[a-z][-a-z0-9]{0,46}(?<!-)$/);
});

test("a model called like another's canary is not taken for it", () => {
  expect(modelNames("echo")).toEqual({ main: "model-echo", canary: "model-echo-canary" });
  expect(modelNames("echo-canary").main).toMatch(/^model-echo-canary-[0-9a-f]{8}$/);
});
