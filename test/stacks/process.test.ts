/** A laptop's stack loads nothing that is for clusters, neither ours nor Pulumi's. */
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/copy.ts";

/** Every file that `path` loads, and the packages; types are not loaded. */
function loadedBy(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const text = readFileSync(join(projectRoot, path), "utf8");
  const imports = text.matchAll(/^(?:import|export) (?!type )[\s\S]*?from "([^"]+)";/gm);
  for (const [, name = ""] of imports) {
    if (name.startsWith(".")) loadedBy(normalize(join(dirname(path), name)), seen);
    else seen.add(name);
  }
  return seen;
}

test("of the program, with the target process", () => {
  const loaded = [...loadedBy("stacks/index.ts"), ...loadedBy("stacks/process.ts")];
  expect(loaded).toContain("components/engine-pool.ts");
  const foreign = /kubernetes|cluster|engine\/(manifests|models)/;
  // The schema of the platform is part of the configuration's.
  const known = ["engine/contract/kubernetes.ts"];
  expect(loaded.filter(name => foreign.test(name) && !known.includes(name))).toEqual([]);
});
