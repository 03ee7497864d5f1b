/** Tags of secrets, outputs and unknowns come off and go on where they belong. */
import { expect, test } from "vitest";
import {
  changedKeys,
  hasUnknown,
  isEqual,
  isSecret,
  toSecret,
  unwrap,
} from "../../../components/local/property-values.ts";

const signature = "4dabf18193072939515e22adb298388d";
const outputTag = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

test("secrets come off at every depth", () => {
  expect(unwrap({ a: [toSecret({ b: toSecret("x") })], c: 1 })).toEqual({ a: [{ b: "x" }], c: 1 });
  expect(isSecret(toSecret("x"))).toBe(true);
  expect(isSecret({ secret: true })).toBe(false);
});

test("an output is its value, or unknown where it has none", () => {
  expect(unwrap({ [signature]: outputTag, value: 7, secret: true })).toBe(7);
  const pending = unwrap({ a: { [signature]: outputTag } });
  expect(hasUnknown(pending)).toBe(true);
  expect(hasUnknown({ a: ["x", { b: unknown }] })).toBe(true);
  expect(hasUnknown({ a: ["x"] })).toBe(false);
});

test("equality is deep and does not mind the order of keys", () => {
  expect(isEqual({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true);
  expect(isEqual([1, 2], [2, 1])).toBe(false);
  expect(isEqual(undefined, null)).toBe(false);
  expect(changedKeys({ a: 1, b: 2 }, { a: 1, b: 3, c: 4 }, ["a", "b"])).toEqual(["b"]);
});
