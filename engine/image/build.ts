/** From a checkout to an image: what goes in, the list of it, and the archive. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultPorts } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { writeFileAtomically } from "../kit/atomic-file.ts";
import {
  type BaseLayer,
  type ImageLayer,
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

/** All that an image is made of, before anything is written. */
export interface ImagePlan {
  layers: ImageLayer[];
  config: Record<string, unknown>;
  sbom: string;
}

/** @throws EngineError invalid_config naming what is missing here. */
export function planImage(
  options: Pick<BuildOptions, "checkout" | "target" | "sysroots">,
): ImagePlan {
  const { checkout, target } = options;
  const lockfile = readLockfile(checkout);
  const manifest = readManifest(checkout);
  const packages = closePackages(lockfile, target);
  const base = planBase(checkout, target, packages, [...options.sysroots, "/"]);
  const parts = [...packages, describeNode(lockfile, target)];
  const sbom = describeParts(checkout, manifest, base, parts);
  return {
    layers: [base, planDependencies(checkout, packages), planEngine(checkout, sbom)],
    config: imageConfig(manifest, target),
    sbom,
  };
}

export async function buildImage(
  options: BuildOptions,
  plan: ImagePlan = planImage(options),
): Promise<BuiltImage> {
  const { target, tag, out, onLayer } = options;
  const image = await writeImage({
    target,
    tag,
    out,
    layers: plan.layers,
    config: plan.config,
    ...(onLayer === undefined ? {} : { onLayer }),
  });
  const sbomPath = `${out.replace(/\.tar$/, "")}.sbom.json`;
  await writeFileAtomically(sbomPath, plan.sbom);
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
