/** What an image of this checkout would hold, and that its archive's bytes follow from that alone. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkTag, planImage } from "../../../engine/image/build.ts";
import type { ImageLayer } from "../../../engine/image/content.ts";
import { writeImage } from "../../../engine/image/oci.ts";
import { chooseTarget } from "../../../engine/image/variants.ts";

const checkout = fileURLToPath(new URL("../../..", import.meta.url));
const target = chooseTarget("cpu", process.arch === "arm64" ? "linux/arm64" : "linux/amd64");

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "echorator-image-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.runIf(process.platform === "linux")("the content", () => {
  const plan = planImage({ checkout, target, sysroots: [] });
  const entries = plan.layers.flatMap(layer => layer.entries);
  const paths = entries.map(entry => entry.path);

  test("is Node, the engine and what both need, from the rarest change to the commonest", () => {
    expect(plan.layers.map(layer => layer.name)).toEqual(["base", "dependencies", "engine"]);
    expect(paths).toEqual(
      expect.arrayContaining([
        "usr/local/bin/node",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        `lib/${target.machine}-linux-gnu/libc.so.6`,
        `lib/${target.machine}-linux-gnu/libstdc++.so.6`,
        "app/package.json",
        "app/engine/main.ts",
        "app/engine/models/bundled/echo-tiny.gguf",
        "app/engine/stores/migrations/0001-events.sql",
        "app/node_modules/node-llama-cpp/dist/index.js",
        "usr/share/echorator/sbom.json",
      ]),
    );
  });

  test("has no compiler, no sources of llama.cpp, no types, no recipe and no image code", () => {
    const unwanted =
      /\.d\.[mc]?ts$|\.map$|\.(cpp|h|py)$|gitRelease\.bundle|node_modules\/cmake|^app\/engine\/(image|.*recipe)\/|README\.md$|pulumi|^app\/node_modules\/.*\.ts$/;
    expect(paths.filter(path => unwanted.test(path))).toEqual([]);
    expect(paths.filter(path => /(^|\/)\.\.?(\/|$)|^\//.test(path))).toEqual([]);
  });

  test("is small: the CPU variant unpacked", () => {
    const bytes = entries
      .map(({ content }) => (content.kind === "file" ? statSync(content.source).size : 0))
      .reduce((sum, size) => sum + size, 0);
    expect(bytes / 1e6).toBeLessThan(200);
  });

  test("runs as nobody and starts the engine", () => {
    expect(plan.config).toMatchObject({
      User: "65532:65532",
      Entrypoint: ["/usr/local/bin/node", "/app/engine/main.ts"],
      ExposedPorts: { "5000/tcp": {}, "11434/tcp": {} },
      WorkingDir: "/app",
    });
    expect(JSON.stringify(plan.config)).not.toContain("NODE_COMPILE_CACHE");
  });

  test("is listed", () => {
    const { components } = JSON.parse(plan.sbom) as {
      components: { name: string; purl?: string; hashes?: unknown; licenses?: unknown }[];
    };
    const packages = components.filter(component => component.purl !== undefined);
    expect(packages.length).toBeGreaterThan(50);
    const bare = packages.filter(component => !component.hashes || !component.licenses);
    expect(bare).toEqual([]);
    expect(components.map(component => component.name)).toContain("libc.so.6");
  });
});

/** Written anew each time, so that nothing of the disk (order, times) is the same. */
function makeLayers(order: readonly string[]): ImageLayer[] {
  const sources = mkdtempSync(join(folder, "sources-"));
  const entries = order.map(name => {
    const source = join(sources, name);
    writeFileSync(source, name.repeat(10_000));
    utimesSync(source, Math.random() * 1e9, Math.random() * 1e9);
    return { path: `app/${name}`, mode: 0o644, content: { kind: "file", source } as const };
  });
  return [
    { name: "base", entries: entries.slice(0, 1) },
    { name: "engine", entries },
  ];
}

function write(out: string, order: readonly string[]) {
  const config = { User: "65532:65532" };
  const tag = "localhost/test/image:1";
  return writeImage({ target, tag, config, out, layers: makeLayers(order) });
}

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

test("two builds of the same files are the same bytes, and leave nothing else behind", async () => {
  const [first, second] = [join(folder, "first.tar"), join(folder, "second.tar")];
  const one = await write(first, ["a", "b", "c"]);
  const two = await write(second, ["a", "c", "b"]);
  expect(two).toEqual(one);
  expect(sha256(readFileSync(second))).toBe(sha256(readFileSync(first)));
  expect(readdirSync(folder).filter(name => name.startsWith("."))).toEqual([]);
});

test("digests lead from the index to every layer, and docker's list names the same", async () => {
  const out = join(folder, "linked.tar");
  const image = await write(out, ["a", "b"]);
  const unpacked = mkdtempSync(join(folder, "unpacked-"));
  execFileSync("tar", ["-xf", out, "-C", unpacked]);
  const read = (path: string) => readFileSync(join(unpacked, path));
  const json = (path: string) => JSON.parse(read(path).toString());
  const blob = (digest: string) => {
    const bytes = read(`blobs/${digest.replace(":", "/")}`);
    expect(`sha256:${sha256(bytes)}`).toBe(digest);
    return bytes;
  };
  const [entry] = json("index.json").manifests;
  expect(entry.digest).toBe(image.digest);
  expect(entry.annotations["io.containerd.image.name"]).toBe("localhost/test/image:1");
  const manifest = JSON.parse(blob(entry.digest).toString());
  const config = JSON.parse(blob(manifest.config.digest).toString());
  for (const [index, layer] of manifest.layers.entries()) {
    const bytes = blob(layer.digest);
    expect(bytes.length).toBe(layer.size);
    expect(`sha256:${sha256(gunzipSync(bytes))}`).toBe(config.rootfs.diff_ids[index]);
    expect([...bytes.subarray(4, 10)]).toEqual([0, 0, 0, 0, 0, 255]);
  }
  const [docker] = json("manifest.json");
  const asPath = (layer: { digest: string }) => `blobs/${layer.digest.replace(":", "/")}`;
  expect(docker).toEqual({
    Config: asPath(manifest.config),
    RepoTags: ["localhost/test/image:1"],
    Layers: manifest.layers.map(asPath),
  });
});

test.each(["engine", "Engine:1", "a//b:1", "a:", "a b:1", "https://x/y:1"])("no tag: %s", tag => {
  expect(() => checkTag(tag)).toThrow("is no name of an image with a tag");
});

test.each(["localhost/echorator/engine:0.1.0", "registry:5000/a/b_c:v1.2-x", "engine:1"])(
  "a tag: %s",
  tag => {
    expect(checkTag(tag)).toBe(tag);
  },
);
