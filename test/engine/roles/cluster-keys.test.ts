/** Keys of the cluster beside those of the configuration: what is let in, and what a wrong entry costs. */
import { expect, test } from "vitest";
import { type KeySpec, parseEngineConfig } from "../../../engine/contract/config.ts";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import { limits } from "../../../engine/contract/limits.ts";
import { parseKeys, withKeys } from "../../../engine/roles/cluster-keys.ts";

function keyOf(name: string, digit = "a"): KeySpec {
  return { name, tenant: "default", scopes: ["use"], sha256: digit.repeat(64) };
}

function mapOf(data: Record<string, string> | undefined): KubernetesObject {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "echorator-keys" } };
  return data === undefined ? object : { ...object, data };
}

const open = parseEngineConfig({ auth: "none", host: "0.0.0.0" }, "test");

test("without a ConfigMap the configuration holds as it is", () => {
  const { keys } = parseKeys([]);
  expect(keys).toBeUndefined();
  expect(withKeys(open, keys)).toBe(open);
});

test("with one, everyone needs a key, even when none is left in it", () => {
  for (const data of [undefined, {}, { jane: JSON.stringify(keyOf("jane")) }]) {
    const { keys } = parseKeys([mapOf(data)]);
    expect(withKeys(open, keys).auth).toBe("keys");
  }
});

test("a key of the configuration is not replaced by the cluster's", () => {
  const config = { ...open, keys: [keyOf("jane", "b")] };
  const { keys } = withKeys(config, [keyOf("jane"), keyOf("joe")]);
  expect(keys).toEqual([keyOf("jane", "b"), keyOf("joe")]);
});

test("what is no key is told and takes away nothing else", () => {
  const data = { jane: JSON.stringify(keyOf("jane")), a: "{", b: "{}", c: '{"name":"x"}' };
  const { keys, wrong } = parseKeys([mapOf(data)]);
  expect(keys).toEqual([keyOf("jane")]);
  expect(wrong).toEqual(["a", "b", "c"].map(entry => `${entry} of echorator-keys is no key`));
});

test("there are no more keys than a configuration may have", () => {
  const names = Array.from({ length: limits.keysMax + 1 }, (_, index) => `key-${index}`);
  const data = Object.fromEntries(names.map(name => [name, JSON.stringify(keyOf(name))]));
  const { keys, wrong } = parseKeys([mapOf(data)]);
  expect(keys).toHaveLength(limits.keysMax);
  expect(wrong).toHaveLength(1);
});
