/** Keys of configuration and their values, as Pulumi's path syntax has them. */
import { expect, test } from "vitest";
import { isNewEnough } from "../../../stacks/run/cli.ts";
import { parseConfigPath, parseConfigValue } from "../../../stacks/run/config-path.ts";

test.each([
  ["host", "echorator:host", []],
  ["echorator:ports.main", "echorator:ports", ["main"]],
  ["models[0].name", "echorator:models", [0, "name"]],
  ['aws:tags["a.b"]', "aws:tags", ["a.b"]],
])("%s", (text, key, steps) => {
  expect(parseConfigPath(text, "echorator")).toEqual({ key, steps });
});

test("what is no key is refused with an example", () => {
  for (const text of ["", "[0]", "a[", "echorator:"]) {
    expect(() => parseConfigPath(text, "echorator")).toThrow("is no key of a configuration");
  }
});

test("values inside a path are numbers and truth values where they look like them", () => {
  const texts = ["8", "true", "007", "1.5", "x", '{"a":1}', "[oops"];
  expect(texts.map(parseConfigValue)).toEqual([8, true, "007", "1.5", "x", { a: 1 }, "[oops"]);
});

test.each([
  ["v3.260.0", true],
  ["3.200.0", true],
  ["v3.199.9", false],
  ["v2.300.0", false],
  ["v4.0.0-alpha.1", true],
])("the CLI %s is new enough: %s", (version, expected) => {
  expect(isNewEnough(version)).toBe(expected);
});
