/** What an image is made of, as CycloneDX JSON: packages by the lockfile, libraries and the bundled model by their digests. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { FoundLibrary } from "./elf.ts";
import type { ImagePackage } from "./lockfile.ts";

export interface SbomInput {
  name: string;
  version: string;
  license: string;
  packages: readonly ImagePackage[];
  libraries: readonly FoundLibrary[];
  /** Weights that come along: name and path. */
  models: readonly { name: string; path: string }[];
}

/** Without a date and a serial number, so that the same parts give the same bytes. */
export function createSbom(input: SbomInput): string {
  const root = `pkg:npm/${input.name}@${input.version}`;
  const packages = new Map(input.packages.map(entry => [toPurl(entry), toComponent(entry)]));
  const components = [
    ...packages.values(),
    ...input.libraries.map(({ name, source }) => toFile("library", name, source)),
    ...input.models.map(({ name, path }) => toFile("machine-learning-model", name, path)),
  ];
  const bom = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": root,
        name: input.name,
        version: input.version,
        purl: root,
        licenses: [{ license: { id: input.license } }],
      },
    },
    components,
    dependencies: [{ ref: root, dependsOn: components.map(component => component["bom-ref"]) }],
  };
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}

function toPurl({ name, version }: ImagePackage): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}

function toComponent(entry: ImagePackage) {
  const [group, name] = entry.name.startsWith("@")
    ? entry.name.split("/")
    : [undefined, entry.name];
  return {
    type: "library",
    "bom-ref": toPurl(entry),
    ...(group === undefined ? {} : { group }),
    name,
    version: entry.version,
    purl: toPurl(entry),
    ...toHashes(entry.integrity),
    ...toLicenses(entry.license),
  };
}

/** `sha512-BASE64` → SHA-512 in hexadecimal digits. */
function toHashes(integrity: string | undefined) {
  const match = /^sha(\d+)-([A-Za-z0-9+/=]+)/.exec(integrity ?? "");
  if (match === null) return {};
  const content = Buffer.from(match[2] ?? "", "base64").toString("hex");
  return { hashes: [{ alg: match[1] === "1" ? "SHA-1" : `SHA-${match[1]}`, content }] };
}

function toLicenses(license: string | undefined) {
  if (license === undefined) return {};
  const isExpression = /[ ()]/.test(license);
  return { licenses: [isExpression ? { expression: license } : { license: { id: license } }] };
}

function toFile(type: string, name: string, path: string) {
  const content = createHash("sha256").update(readFileSync(path)).digest("hex");
  return { type, "bom-ref": `${name}@${content}`, name, hashes: [{ alg: "SHA-256", content }] };
}
