/** `npm run image`: writes the engine's image as an OCI archive, without a daemon and without a pull. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { EngineError } from "../contract/errors.ts";
import { buildImage, checkTag, defaultTag, planImage } from "./build.ts";
import { readManifest } from "./content.ts";
import { writeFolders } from "./folders.ts";
import type { WrittenLayer } from "./oci.ts";
import { chooseTarget } from "./variants.ts";

const usage = `Usage: npm run image -- [--variant cpu|cuda|vulkan] [--platform linux/amd64] [--out FILE] [--tag T] [--sysroot DIR …]
       npm run image -- --folder DIR …

  --variant V       what llama.cpp computes with (default: cpu)
  --platform P      linux/amd64 or linux/arm64 (default: this machine's)
  --out FILE        the archive (default: echorator-engine-VERSION-VARIANT-ARCHITECTURE.tar); its SBOM lies beside it
  --tag T           what the image is called (default: localhost/echorator/engine:VERSION)
  --folder DIR      writes the layers into folders there instead of an archive
  --sysroot DIR     where shared libraries are looked for first, such as CUDA's or another machine's; may be repeated
`;

async function run(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      variant: { type: "string", default: "cpu" },
      platform: {
        type: "string",
        default: process.arch === "arm64" ? "linux/arm64" : "linux/amd64",
      },
      out: { type: "string" },
      tag: { type: "string" },
      folder: { type: "string" },
      sysroot: { type: "string", multiple: true, default: [] },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return void process.stdout.write(usage);
  const checkout = resolve(import.meta.dirname, "../..");
  const { version } = readManifest(checkout);
  const target = chooseTarget(values.variant, values.platform);
  const tag = checkTag(values.tag ?? defaultTag(version, target));
  const out = resolve(
    values.out ?? `echorator-engine-${version}-${target.variant}-${target.architecture}.tar`,
  );
  const sysroots = values.sysroot.map(folder => resolve(folder));
  for (const folder of sysroots) refuseMissingFolder(folder);
  if (values.folder !== undefined) {
    await writeFolders(planImage({ checkout, target, sysroots }).layers, resolve(values.folder));
    return;
  }
  const begun = performance.now();
  const image = await buildImage({ checkout, target, tag, out, sysroots, onLayer: report });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stdout.write(
    `${out}\n  ${toMegabytes(image.bytes)} in ${seconds} s\n  image  ${tag}\n  digest ${image.digest}\n  SBOM   ${image.sbomPath}\n`,
  );
}

function refuseMissingFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new EngineError("invalid_config", `There is no folder ${folder}.`, {
    field: "sysroot",
    remedy: "Name a folder that holds lib or usr/lib, or the libraries themselves.",
  });
}

function report(layer: WrittenLayer): void {
  const [packed, plain] = [toMegabytes(layer.bytes), toMegabytes(layer.unpackedBytes)];
  process.stdout.write(`layer ${layer.name}: ${plain}, ${packed} compressed, ${layer.digest}\n`);
}

function toMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

try {
  await run(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof TypeError && "code" in error;
  const text = error instanceof EngineError ? `${error.message} ${error.remedy}` : String(error);
  process.stderr.write(`${isUsage ? `${error.message}\n\n${usage}` : text}\n`);
  process.exitCode = 1;
}
