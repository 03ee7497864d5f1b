/** Kinds, their URLs, lines and waits. */
import { expect, test } from "vitest";
import { backoffMs } from "../../../engine/kubernetes/backoff.ts";
import { collectionPath, kindOf, kinds, objectPath } from "../../../engine/kubernetes/kinds.ts";
import { readLines } from "../../../engine/kubernetes/lines.ts";

test("URLs of the core group, of others, and of kinds without a namespace", () => {
  expect(collectionPath(kinds.pod, "n")).toBe("/api/v1/namespaces/n/pods");
  expect(collectionPath(kinds.deployment, undefined)).toBe("/apis/apps/v1/deployments");
  expect(objectPath({ kind: kinds.namespace, name: "a" }, "n")).toBe("/api/v1/namespaces/a");
});

test.each([
  ["NetworkPolicy", "networkpolicies"],
  ["Ingress", "ingresses"],
  ["Gateway", "gateways"],
  ["Batch", "batches"],
])("%s is one of %s", (kind, plural) => {
  const object = { apiVersion: "nobody.example/v1", kind, metadata: { name: "a", namespace: "n" } };
  expect(kindOf(object)).toMatchObject({ plural, namespaced: true });
});

test("waits double up to the longest, between half of the step and all of it", () => {
  const options = { firstMs: 100, maxMs: 1_000 };
  expect([1, 2, 3, 4, 5, 99].map(count => backoffMs(options, count, () => 1))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ]);
  expect(backoffMs(options, 3, () => 0)).toBe(200);
});

async function linesOf(chunks: string[], max = 100): Promise<string[]> {
  const bytes = chunks.map(chunk => Buffer.from(chunk, "latin1"));
  const lines: string[] = [];
  async function* stream() {
    yield* bytes;
  }
  for await (const line of readLines(stream(), max)) lines.push(line);
  return lines;
}

test("lines, however they are cut, with the last one", async () => {
  const text = Buffer.from("a\nüb\n\nlast").toString("latin1");
  for (let size = 1; size < text.length; size++) {
    const chunks = text.match(new RegExp(`[\\s\\S]{1,${size}}`, "g")) ?? [];
    expect(await linesOf(chunks)).toEqual(["a", "üb", "", "last"]);
  }
});

test("a line without an end is refused", async () => {
  await expect(linesOf(["x".repeat(60), "x".repeat(60)])).rejects.toThrow("longer than 100");
});
