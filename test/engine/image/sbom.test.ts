/** The list of parts: what scanners read of it. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createSbom } from "../../../engine/image/sbom.ts";

test("packages have purl, digest and license; libraries and models their digest", () => {
  const folder = mkdtempSync(join(tmpdir(), "echorator-sbom-"));
  try {
    const source = join(folder, "libx.so.1");
    writeFileSync(source, "library");
    const hex = "ab".repeat(64);
    const integrity = `sha512-${Buffer.from(hex, "hex").toString("base64")}`;
    const scoped = {
      path: "node_modules/@a/b",
      name: "@a/b",
      version: "1.2.3",
      integrity,
      license: "MIT",
    };
    const plain = {
      path: "node_modules/c",
      name: "c",
      version: "2",
      integrity: undefined,
      license: "(MIT OR ISC)",
    };
    const sbom = JSON.parse(
      createSbom({
        name: "echorator",
        version: "0.1.0",
        license: "Apache-2.0",
        packages: [scoped, plain, { ...plain, path: "node_modules/x/node_modules/c" }],
        libraries: [{ name: "libx.so.1", source }],
        models: [{ name: "tiny.gguf", path: source }],
      }),
    );
    expect(sbom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 });
    const sha256 = createHash("sha256").update("library").digest("hex");
    expect(sbom.components).toEqual([
      {
        type: "library",
        "bom-ref": "pkg:npm/%40a/b@1.2.3",
        group: "@a",
        name: "b",
        version: "1.2.3",
        purl: "pkg:npm/%40a/b@1.2.3",
        hashes: [{ alg: "SHA-512", content: hex }],
        licenses: [{ license: { id: "MIT" } }],
      },
      {
        type: "library",
        "bom-ref": "pkg:npm/c@2",
        name: "c",
        version: "2",
        purl: "pkg:npm/c@2",
        licenses: [{ expression: "(MIT OR ISC)" }],
      },
      expect.objectContaining({ name: "libx.so.1", hashes: [{ alg: "SHA-256", content: sha256 }] }),
      expect.objectContaining({ type: "machine-learning-model", name: "tiny.gguf" }),
    ]);
    expect(JSON.stringify(sbom)).not.toMatch(/timestamp|serialNumber/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
