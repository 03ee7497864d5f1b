/** An OCI image as one tar file that containerd imports and docker loads, made from layers of files. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { ImageLayer } from "./content.ts";
import { sortEntries, type TarEntry, writeTar } from "./tar.ts";
import type { Target } from "./variants.ts";

export interface ImageSettings {
  target: Target;
  /** What the image is called where it is loaded: `name:tag`. */
  tag: string;
  layers: readonly ImageLayer[];
  /** The `config` of the OCI image: user, entrypoint, labels. */
  config: Record<string, unknown>;
  out: string;
  onLayer?: (layer: WrittenLayer) => void;
}

export interface WrittenLayer {
  name: string;
  path: string;
  /** Of the compressed bytes. */
  digest: string;
  /** Of the tar inside. */
  diffId: string;
  bytes: number;
  unpackedBytes: number;
}

export interface WrittenImage {
  /** Of the manifest: what `image@sha256:…` names. */
  digest: string;
  bytes: number;
}

const media = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;
/** One moment for everything: an image is what is in it, not when it was made. */
const created = "1970-01-01T00:00:00Z";

/** The file appears whole or not at all. */
export async function writeImage(settings: ImageSettings): Promise<WrittenImage> {
  await mkdir(dirname(settings.out), { recursive: true });
  const folder = await mkdtemp(join(dirname(settings.out), ".image-"));
  try {
    const layers = await Promise.all(
      settings.layers.map(async layer => {
        const written = await writeLayer(layer, join(folder, layer.name));
        settings.onLayer?.(written);
        return written;
      }),
    );
    const { entries, digest } = describeImage(settings, layers);
    const draft = join(folder, "archive");
    const meter = createMeter();
    await pipeline(Readable.from(writeTar(entries)), meter.stream, createWriteStream(draft));
    await rename(draft, settings.out);
    return { digest, bytes: meter.bytes() };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeLayer(layer: ImageLayer, path: string): Promise<WrittenLayer> {
  const [plain, packed] = [createMeter(), createMeter()];
  await pipeline(
    Readable.from(writeTar(sortEntries(layer.entries))),
    plain.stream,
    createGzip({ level: 6, memLevel: 9 }),
    fixHeader(),
    packed.stream,
    createWriteStream(path),
  );
  return {
    name: layer.name,
    path,
    digest: packed.digest(),
    diffId: plain.digest(),
    bytes: packed.bytes(),
    unpackedBytes: plain.bytes(),
  };
}

/** The tenth byte of gzip names the system that compressed: unknown, whatever it was. */
function fixHeader(): Transform {
  let position = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const at = 9 - position;
      if (at >= 0 && at < chunk.length) chunk[at] = 255;
      position += chunk.length;
      done(undefined, chunk);
    },
  });
}

/** Counts and digests what passes. */
function createMeter() {
  const hash = createHash("sha256");
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(undefined, chunk);
    },
  });
  return { stream, bytes: () => bytes, digest: () => `sha256:${hash.digest("hex")}` };
}

/** The archive's entries: blobs by digest, and the two lists by which containerd and older dockers find them. */
function describeImage(settings: ImageSettings, layers: readonly WrittenLayer[]) {
  const config = toBlob(media.config, {
    created,
    architecture: settings.target.architecture,
    os: "linux",
    config: settings.config,
    rootfs: { type: "layers", diff_ids: layers.map(layer => layer.diffId) },
    history: layers.map(layer => ({ created, created_by: `echorator image: ${layer.name}` })),
  });
  const manifest = toBlob(media.manifest, {
    schemaVersion: 2,
    mediaType: media.manifest,
    config: config.descriptor,
    layers: layers.map(({ digest, bytes }) => ({ mediaType: media.layer, digest, size: bytes })),
  });
  const index = {
    schemaVersion: 2,
    mediaType: media.index,
    manifests: [
      {
        ...manifest.descriptor,
        platform: { architecture: settings.target.architecture, os: "linux" },
        annotations: {
          "io.containerd.image.name": settings.tag,
          "org.opencontainers.image.ref.name": settings.tag.slice(
            settings.tag.lastIndexOf(":") + 1,
          ),
        },
      },
    ],
  };
  const docker = [
    {
      Config: blobPath(config.descriptor.digest),
      RepoTags: [settings.tag],
      Layers: layers.map(layer => blobPath(layer.digest)),
    },
  ];
  const entries = [
    toEntry("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" })),
    toEntry("index.json", JSON.stringify(index)),
    toEntry("manifest.json", JSON.stringify(docker)),
    toEntry(blobPath(config.descriptor.digest), config.text),
    toEntry(blobPath(manifest.descriptor.digest), manifest.text),
    ...distinct(layers).map(
      (layer): TarEntry => ({
        path: blobPath(layer.digest),
        mode: 0o644,
        content: { kind: "file", source: layer.path },
      }),
    ),
  ];
  return { entries: sortEntries(entries), digest: manifest.descriptor.digest };
}

/** Two layers of the same bytes are one blob. */
function distinct(layers: readonly WrittenLayer[]): WrittenLayer[] {
  return [...new Map(layers.map(layer => [layer.digest, layer])).values()];
}

function toBlob(mediaType: string, value: unknown) {
  const text = JSON.stringify(value);
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  return { text, descriptor: { mediaType, digest, size: Buffer.byteLength(text) } };
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function toEntry(path: string, text: string): TarEntry {
  return { path, mode: 0o644, content: { kind: "bytes", bytes: Buffer.from(text) } };
}
