/** The engine's image of this checkout, built once for as long as none of its files changes. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildImage, defaultTag, planImage } from "../../engine/image/build.ts";
import { readManifest } from "../../engine/image/content.ts";
import type { TarEntry } from "../../engine/image/tar.ts";
import { chooseTarget } from "../../engine/image/variants.ts";

const checkout = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(checkout, "node_modules/.cache/echorator/images");

export interface EngineImage {
  /** The archive. */
  path: string;
  /** What pods call it. */
  tag: string;
}

/** A test that rolls an update gives a second tag; what is inside is the same. */
export async function engineImage(givenTag?: string): Promise<EngineImage> {
  const platform = process.arch === "arm64" ? "linux/arm64" : "linux/amd64";
  const target = chooseTarget("cpu", platform);
  const tag = givenTag ?? defaultTag(readManifest(checkout).version, target);
  const options = { checkout, target, sysroots: [] };
  const plan = planImage(options);
  const described = plan.layers.flatMap(layer => layer.entries.map(describeEntry));
  const key = createHash("sha256")
    .update(JSON.stringify([tag, plan.config, described]))
    .digest("hex")
    .slice(0, 16);
  const path = join(cache, `${key}.tar`);
  if (!existsSync(path)) {
    forgetOld();
    await buildImage({ ...options, tag, out: path }, plan);
  }
  return { path, tag };
}

function describeEntry({ path, mode, content }: TarEntry): unknown {
  if (content.kind !== "file") return [path, mode, content];
  const { size, mtimeMs } = statSync(content.source);
  return [path, mode, size, mtimeMs];
}

/** What an hour ago was built is of an older checkout. */
function forgetOld(): void {
  if (!existsSync(cache)) return;
  const before = Date.now() - 3_600_000;
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? before) < before)
      rmSync(path, { recursive: true, force: true });
  }
}
