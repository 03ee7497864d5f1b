/** Names that several models claim. */
import { expect, test } from "vitest";
import { createNameClaims } from "../../../engine/operator/name-claims.ts";

test("the older model has the name, and the younger hears when it is free", () => {
  const claims = createNameClaims();
  expect(claims.set({ name: "a", aliases: ["x:latest"], created: "1" })).toEqual([]);
  expect(claims.set({ name: "b", aliases: ["X"], created: "2" })).toEqual(["a"]);
  expect(claims.conflictOf("a")).toBeUndefined();
  expect(claims.conflictOf("b")).toEqual({ alias: "x", holder: "a" });
  expect(claims.set({ name: "b", aliases: ["X"], created: "2" })).toEqual([]);
  expect(claims.set({ name: "a", aliases: [], created: "1" })).toEqual(["b"]);
  expect(claims.conflictOf("b")).toBeUndefined();
});

test("a name of its own counts as well, and of two of the same second the first by name", () => {
  const claims = createNameClaims();
  claims.set({ name: "b", aliases: ["a"], created: "1" });
  claims.set({ name: "a", aliases: [], created: "1" });
  expect(claims.conflictOf("b")).toEqual({ alias: "a", holder: "a" });
  expect(claims.remove("a")).toEqual(["b"]);
  expect(claims.conflictOf("b")).toBeUndefined();
});
