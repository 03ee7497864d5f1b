/** Rendered YAML is the plan itself, whoever reads it, and a folder holds nothing of ours that is no more. */
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import type { KubernetesObject } from "../../../engine/contract/kubernetes.ts";
import { allObjects, planCluster } from "../../../stacks/cluster/plan.ts";
import { writeRendering } from "../../../stacks/cluster/render-folder.ts";
import { renderFiles, secretsFile } from "../../../stacks/cluster/rendered-files.ts";
import { describeModel, exampleReading, toClusterStack } from "../../support/cluster-stack.ts";
import { randomModel, richPlatform } from "../../support/random-models.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "echorator-render-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function objectsOf(...models: object[]): KubernetesObject[] {
  const stack = toClusterStack({ models, platform: richPlatform });
  const readings = exampleReading();
  return allObjects(planCluster({ stack, readings, version: "0.1.0", withOperator: false }));
}

test("every file is its object, by the rules of YAML 1.1 and of 1.2, for 20 random models", () => {
  const objects = objectsOf(...Array.from({ length: 20 }, (_, seed) => randomModel(seed)));
  const files = [...renderFiles(objects, "test")].filter(([name]) => name.endsWith(".yaml"));
  expect(files).toHaveLength(objects.length);
  for (const version of ["1.1", "1.2"] as const) {
    const read = files.map(([, text]) => parse(text, { version }) as KubernetesObject);
    expect(byName(read)).toEqual(byName(objects));
  }
});

test("words that YAML 1.1 takes for something else are quoted", () => {
  const data = { a: "on", b: "0777", c: "1:30", d: "1e3", e: "null", f: "~", g: "", h: "0x1f" };
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "words" }, data };
  const [text] = renderFiles([object], "test").values();
  for (const version of ["1.1", "1.2"] as const)
    expect(parse(text ?? "", { version })).toEqual(object);
});

test("names sort as the objects are to be applied", () => {
  const names = [...renderFiles(objectsOf(describeModel("a")), "test").keys()];
  expect(names).toEqual([...names].sort());
  expect(names[0]).toBe("00-namespace-echorator.yaml");
  const at = (name: string) => names.findIndex(file => file.includes(name));
  expect(at("configmap-model-a")).toBeLessThan(at("deployment-model-a"));
  expect(at("service-model-a")).toBeLessThan(at("deployment-model-a"));
});

test("Secrets are listed and never written", () => {
  const source = "hf:owner/repo/m.gguf";
  const model = { ...describeModel("a"), source, sourceSecret: { name: "my-token", key: "hf" } };
  const files = renderFiles(objectsOf(model), "test");
  expect(files.get(secretsFile)).toMatch(/my-token \| hf \|.*yes/);
  const made = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    stringData: { a: "b" },
  };
  expect(() => renderFiles([made], "test")).toThrow(/Secret/);
});

test("a rendering is written once, and files that are no more go", () => {
  const first = writeRendering(
    folder,
    renderFiles(objectsOf(describeModel("a"), describeModel("b")), "test"),
    "test",
  );
  expect(first).toMatchObject({ unchanged: [], removed: [] });
  const again = renderFiles(objectsOf(describeModel("a"), describeModel("b")), "test");
  expect(writeRendering(folder, again, "test")).toMatchObject({ written: [], removed: [] });
  const fewer = writeRendering(folder, renderFiles(objectsOf(describeModel("a")), "test"), "test");
  // Of the list of Secrets, who uses them changes.
  expect(fewer.written).toEqual([secretsFile]);
  expect(fewer.removed.length).toBeGreaterThan(3);
  expect(fewer.removed.every(name => name.includes("model-b"))).toBe(true);
  expect(readdirSync(folder).some(name => name.includes("model-b"))).toBe(false);
});

test("what others put there stays, and is never overwritten", () => {
  writeFileSync(join(folder, "kustomization.yaml"), "resources: []\n");
  writeFileSync(join(folder, "07-deployment-other.yaml"), "kind: Deployment\n");
  const files = renderFiles(objectsOf(describeModel("a")), "test");
  writeRendering(folder, files, "test");
  writeRendering(folder, renderFiles([], "test"), "test");
  expect(readdirSync(folder).sort()).toEqual(["07-deployment-other.yaml", "kustomization.yaml"]);
  writeFileSync(join(folder, "00-namespace-echorator.yaml"), "kind: Namespace\n");
  expect(() => writeRendering(folder, files, "test")).toThrow(/not rendered from the stack "test"/);
  expect(readFileSync(join(folder, "00-namespace-echorator.yaml"), "utf8")).toBe(
    "kind: Namespace\n",
  );
  expect(existsSync(join(folder, "07-deployment-model-a.yaml"))).toBe(false);
});

test("nothing is written through a link that leads out of the folder", () => {
  const outside = join(folder, "..", `${basename(folder)}-outside`);
  const name = "00-namespace-echorator.yaml";
  symlinkSync(outside, join(folder, name));
  writeRendering(folder, renderFiles(objectsOf(describeModel("a")), "test"), "test");
  expect(existsSync(outside)).toBe(false);
  expect(lstatSync(join(folder, name)).isSymbolicLink()).toBe(false);
  expect(readdirSync(folder).filter(file => file.startsWith("."))).toEqual([]);
});

test("another stack's rendering is not mixed with this one", () => {
  const objects = objectsOf(describeModel("a"));
  writeRendering(folder, renderFiles(objects, "one"), "one");
  expect(() => writeRendering(folder, renderFiles(objects, "two"), "two")).toThrow(/stack "two"/);
});

function byName(objects: readonly KubernetesObject[]): Record<string, KubernetesObject> {
  return Object.fromEntries(
    objects.map(object => [`${object.kind} ${object.metadata.name}`, object]),
  );
}
