/** From a checkout to an image: what goes in, the list of it, and the archive. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultPorts } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { writeFileAtomically } from "../kit/atomic-file.ts";
import {
  type BaseLayer,
  imageHome,
  imageUser,
  type Manifest,
  planBase,
  planDependencies,
  planEngine,
  readManifest,
} from "./content.ts";
import { closePackages, describe, type ImagePackage, type Lockfile } from "./lockfile.ts";
import { type WrittenImage, type WrittenLayer, writeImage } from "./oci.ts";
import { createSbom } from "./sbom.ts";
import type { Target } from "./variants.ts";

export interface BuildOptions {
  /** Folder of the project, with its packages installed. */
  checkout: string;
  target: Target;
  tag: string;
  out: string;
  /** Roots of file systems that libraries are looked for in before this machine's own. */
  sysroots: readonly string[];
  onLayer?: (layer: WrittenLayer) => void;
}

export interface BuiltImage extends WrittenImage {
  sbomPath: string;
}

export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { checkout, target } = options;
  const lockfile = readLockfile(checkout);
  const manifest = readManifest(checkout);
  const packages = closePackages(lockfile, target);
  const base = planBase(checkout, target, packages, [...options.sysroots, "/"]);
  const sbom = describeParts(checkout, manifest, base, [
    ...packages,
    describeNode(lockfile, target),
  ]);
  const image = await writeImage({
    target,
    tag: options.tag,
    out: options.out,
    layers: [base, planDependencies(checkout, packages), planEngine(checkout, sbom)],
    config: imageConfig(manifest, target),
    ...(options.onLayer === undefined ? {} : { onLayer: options.onLayer }),
  });
  const sbomPath = `${options.out.replace(/\.tar$/, "")}.sbom.json`;
  await writeFileAtomically(sbomPath, sbom);
  return { ...image, sbomPath };
}

/** `localhost/echorator/engine:0.1.0`, and `-cuda` after it for another variant than the usual one. */
export function defaultTag(version: string, target: Target): string {
  const suffix = target.variant === "cpu" ? "" : `-${target.variant}`;
  return `localhost/echorator/engine:${version}${suffix}`;
}

/** @throws EngineError invalid_config for what no registry takes. */
export function checkTag(tag: string): string {
  const part = "[a-z0-9]+(?:[._-]+[a-z0-9]+)*";
  const host = "[A-Za-z0-9.-]+(?::\\d+)?";
  const pattern = new RegExp(`^(?:${host}/)?${part}(?:/${part})*:[\\w][\\w.-]{0,127}$`);
  if (tag.length <= 512 && pattern.test(tag)) return tag;
  throw new EngineError("invalid_config", `"${tag}" is no name of an image with a tag.`, {
    field: "tag",
    remedy: "Write it as localhost/echorator/engine:0.1.0.",
  });
}

function readLockfile(checkout: string): Lockfile {
  return JSON.parse(readFileSync(join(checkout, "package-lock.json"), "utf8")) as Lockfile;
}

function describeNode(lockfile: Lockfile, target: Target): ImagePackage {
  const path = `node_modules/${target.nodePackage}`;
  return describe(path, lockfile.packages[path] ?? {});
}

function describeParts(
  checkout: string,
  manifest: Manifest,
  base: BaseLayer,
  packages: readonly ImagePackage[],
): string {
  const path = join(checkout, "engine/models/bundled/echo-tiny.gguf");
  return createSbom({
    name: manifest.name,
    version: manifest.version,
    license: manifest.license,
    packages,
    libraries: base.libraries,
    models: [{ name: "echo-tiny.gguf", path }],
  });
}

function imageConfig(manifest: Manifest, target: Target): Record<string, unknown> {
  return {
    User: `${imageUser}:${imageUser}`,
    ExposedPorts: { [`${defaultPorts.main}/tcp`]: {}, [`${defaultPorts.ollama}/tcp`]: {} },
    Env: ["PATH=/usr/local/bin", `HOME=${imageHome}`, `ECHORATOR_HOME=${imageHome}`],
    Entrypoint: ["/usr/local/bin/node", "/app/engine/main.ts"],
    WorkingDir: "/app",
    StopSignal: "SIGTERM",
    Labels: {
      "org.opencontainers.image.title": manifest.name,
      "org.opencontainers.image.description": manifest.description,
      "org.opencontainers.image.version": manifest.version,
      "org.opencontainers.image.licenses": manifest.license,
      "echorator.dev/variant": target.variant,
      "echorator.dev/sbom": "/usr/share/echorator/sbom.json",
    },
  };
}
