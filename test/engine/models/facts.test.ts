/** Facts before a download: a header in a few ranges, kept by its version, and a reason wherever there is none. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createModelFactsReader, type FactsReaderOptions } from "../../../engine/models/facts.ts";
import { encodeGguf, type GgufContent } from "../../support/gguf-encoding.ts";
import { tinyAdapter, tinyModel } from "../../support/gguf-writer.ts";
import {
  createModelServer,
  type ModelServer,
  type ModelServerOptions,
  sha256Of,
} from "../../support/model-server.ts";

const bundledFolder = fileURLToPath(new URL("../../../engine/models/bundled", import.meta.url));
const content = tinyModel({ seed: 1, blockCount: 4, contextLength: 4096 });
const model = encodeGguf(content);
const signal = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "echorator-facts-"));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(options: ModelServerOptions = {}): Promise<ModelServer> {
  const server = await createModelServer({ files: { "m.gguf": model }, ...options });
  closers.push(server.close);
  return server;
}

function reader(endpoint = "http://127.0.0.1:1", more: Partial<FactsReaderOptions> = {}) {
  const hub = { endpoint, token: undefined };
  return createModelFactsReader({ bundledFolder, hub, guard: "none", ...more });
}

const shape = {
  bytes: model.length,
  architecture: "llama",
  quantization: "F32",
  contextTrained: 4096,
  blockCount: 4,
  embeddingLength: 32,
  feedForwardLength: 64,
  headsKv: [2, 2, 2, 2],
  keyLength: 16,
  valueLength: 16,
};

test("the shape of a file on a web server, from its front alone", async () => {
  const server = await serve({ files: { "m.gguf": withWeights(model, 8_000_000) } });
  const found = await reader().read(`${server.url}/m.gguf`, signal);
  expect(found).toMatchObject({ shape: { ...shape, bytes: model.length + 8_000_000 } });
  expect(found.facts).toMatchObject({ architecture: "llama", contextTrained: 4096 });
  expect(found.shape?.parameters).toBe(found.facts?.parameters);
  expect(found.reason).toBeUndefined();
  expect(server.requests.map(({ range }) => range)).toEqual(["bytes=0-524287"]);
});

test("a long header is read in growing ranges, and without ranges from the front of a stream", async () => {
  const long = encodeGguf(withLongHeader(content, 6_000_000));
  const server = await serve({ files: { "m.gguf": withWeights(long, 3_000_000) } });
  expect((await reader().read(`${server.url}/m.gguf`, signal)).shape).toMatchObject({
    headsKv: [2, 2, 2, 2],
  });
  expect(server.requests.map(({ range }) => range).slice(0, 3)).toEqual([
    "bytes=0-524287",
    "bytes=524288-1572863",
    "bytes=1572864-3670015",
  ]);
  const stream = await serve({ files: { "m.gguf": long }, ranges: false });
  const found = await reader().read(`${stream.url}/m.gguf`, signal);
  expect(found.shape?.tensorBytes).toBe(
    (await reader().read(`${server.url}/m.gguf`, signal)).shape?.tensorBytes,
  );
  expect(stream.requests).toHaveLength(1);
});

test("a file of the hub has its digest, and its token goes to the hub alone", async () => {
  const cdn = await serve();
  const hub = await serve({ cdn: cdn.url, gated: { "o/r": "secret" } });
  const read = reader(hub.url, { hub: { endpoint: hub.url, token: "secret" } });
  const found = await read.read("hf:o/r/m.gguf", signal);
  expect(found).toMatchObject({ shape, sha256: sha256Of(model) });
  expect(hub.requests[0]?.authorization).toBe("Bearer secret");
  expect(cdn.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
});

test("what was read is kept by its version: asked about, not read again", async () => {
  const server = await serve();
  const uri = `${server.url}/m.gguf`;
  const first = await reader(undefined, { cacheFolder: folder }).read(uri, signal);
  const sent = server.sentBytes();
  const again = await reader(undefined, { cacheFolder: folder }).read(uri, signal);
  expect(again).toEqual(first);
  expect([server.sentBytes(), server.requests.length, readdirSync(folder).length]).toEqual([
    sent,
    2,
    1,
  ]);
  server.files.set("m.gguf", encodeGguf(tinyModel({ seed: 1, blockCount: 2 })));
  const changed = await reader(undefined, { cacheFolder: folder }).read(uri, signal);
  expect(changed.shape?.blockCount).toBe(2);
});

test("a commit of the hub is asked about once", async () => {
  const hub = await serve();
  const uri = `hf:o/r/m.gguf@${"a".repeat(40)}`;
  for (let time = 0; time < 2; time++)
    expect(await reader(hub.url, { cacheFolder: folder }).read(uri, signal)).toMatchObject({
      shape,
    });
  expect(hub.requests).toHaveLength(2);
});

test("an entry of the folder that is broken is read anew", async () => {
  const server = await serve();
  const read = () =>
    reader(undefined, { cacheFolder: folder }).read(`${server.url}/m.gguf`, signal);
  await read();
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), "{");
  expect(await read()).toMatchObject({ shape, reason: undefined });
});

test("a server that is away leaves what it said earlier, or a reason", async () => {
  const server = await serve();
  const uri = `${server.url}/m.gguf`;
  const read = reader(undefined, { cacheFolder: folder });
  await read.read(uri, signal);
  await server.close();
  expect(await read.read(uri, signal)).toMatchObject({
    shape,
    reason: expect.stringMatching(/earlier/),
  });
  expect(await reader().read(uri, signal)).toEqual({
    shape: undefined,
    facts: undefined,
    sha256: undefined,
    reason: "its host refused the connection",
  });
});

const broken: [string, Parameters<ModelServer["faults"]["push"]>[0], RegExp][] = [
  ["a cut connection", { cutAfter: 1000 }, /broke|early|terminated|aborted/],
  ["a server that fails", { status: 503 }, /answered 503/],
  ["a missing file", { status: 404 }, /answered 404.*no such file/],
  ["a locked file", { status: 403 }, /does not give out/],
];
test.each(broken)("%s is a reason and no error", async (_, fault, reason) => {
  const server = await serve();
  server.faults.push(fault);
  const found = await reader().read(`${server.url}/m.gguf`, signal);
  expect(found).toMatchObject({ shape: undefined, reason: expect.stringMatching(reason) });
});

test("a file that changes between two ranges is not put together", async () => {
  const long = encodeGguf(withLongHeader(content, 4_000_000));
  const server = await serve({ files: { "m.gguf": long } });
  const call: typeof fetch = async (input, init) => {
    const reply = await fetch(input, init);
    server.files.set("m.gguf", Buffer.concat([long, Buffer.alloc(8)]));
    return reply;
  };
  const found = await reader(undefined, { fetch: call }).read(`${server.url}/m.gguf`, signal);
  expect(found.reason).toMatch(/another file than a moment ago/);
});

test("a file that is no model is refused by what is wrong with it", async () => {
  const page = Buffer.from(`<!doctype html>${" ".repeat(100)}`);
  const server = await serve({ files: { "m.gguf": page } });
  await expect(reader().read(`${server.url}/m.gguf`, signal)).rejects.toMatchObject({
    code: "invalid_model_file",
    message: expect.stringContaining("<!do"),
  });
});

test("bundled models and files of this machine are read where they lie", async () => {
  const path = join(folder, "m.gguf");
  writeFileSync(path, model);
  expect(await reader().read(`file://${path}`, signal)).toMatchObject({ shape });
  const bundled = await reader().read("bundled:echo-tiny", signal);
  expect(bundled).toMatchObject({ shape: { blockCount: expect.any(Number) }, reason: undefined });
  await expect(reader().read("bundled:nothing", signal)).rejects.toMatchObject({
    code: "invalid_config",
    remedy: expect.stringContaining("bundled:echo-tiny"),
  });
});

test.each(["pvc://claim/m.gguf", "openai:https://host/v1#m", "file:///nowhere/m.gguf"])(
  "%s has no header to read, and says why",
  async uri => {
    const found = await reader().read(uri, signal);
    expect(found).toMatchObject({ shape: undefined, reason: expect.any(String) });
  },
);

test("a stranger's source leads nowhere but to the public internet", async () => {
  const server = await serve();
  const open = reader(undefined, { guard: "public" });
  await expect(open.read(`${server.url}/m.gguf`, signal)).rejects.toMatchObject({
    code: "forbidden",
  });
  expect(server.requests).toEqual([]);
  const path = join(folder, "m.gguf");
  writeFileSync(path, model);
  expect(await open.read(`file://${path}`, signal)).toMatchObject({ shape: undefined });
});

test("the hub that the operator chose may be inside, what it redirects to may not", async () => {
  const cdn = await serve();
  const hub = await serve({ cdn: cdn.url });
  const open = reader(hub.url, { guard: "public" });
  await expect(open.read("hf:o/r/m.gguf", signal)).rejects.toMatchObject({ code: "forbidden" });
  expect([hub.requests.length, cdn.requests.length]).toEqual([1, 0]);
});

test("who asks without the token learns nothing that was read with it", async () => {
  const hub = await serve({ gated: { "o/r": "secret" } });
  const read = reader(hub.url, { cacheFolder: folder });
  expect(await read.read("hf:o/r/m.gguf", signal, "secret")).toMatchObject({ shape });
  expect(await read.read("hf:o/r/m.gguf", signal)).toMatchObject({ shape: undefined });
});

test("whoever gives up is answered at once, and many who ask the same are one request", async () => {
  const server = await serve();
  const uri = `${server.url}/m.gguf`;
  const read = reader();
  const leaving = new AbortController();
  const left = read.read(uri, leaving.signal);
  leaving.abort();
  await expect(left).rejects.toMatchObject({ code: "cancelled" });
  const before = server.requests.length;
  await Promise.all(Array.from({ length: 20 }, () => read.read(uri, signal)));
  expect(server.requests.length - before).toBe(1);
});

/** As if the weights were longer: what follows the header is never looked at. */
function withWeights(file: Buffer, bytes: number): Buffer {
  return Buffer.concat([file, Buffer.alloc(bytes)]);
}

function withLongHeader(of: GgufContent, bytes: number): GgufContent {
  const values = Array.from({ length: bytes / 1000 }, (_, at) => `${at}`.padEnd(992, "x"));
  const [first, ...rest] = of.metadata;
  if (first === undefined) throw new Error("a model has metadata");
  return {
    ...of,
    metadata: [first, ["test.long", { type: "array", of: "string", values }], ...rest],
  };
}

test("an adapter's size is read with its header; what is no adapter is refused, and who is away is unknown", async () => {
  const target = { name: "blk.0.attn_q.weight", columns: 32, rows: 32 };
  const adapter = encodeGguf(tinyAdapter({ seed: 1, targets: [target] }));
  const server = await serve({ files: { "a.gguf": adapter, "m.gguf": model } });
  const ask = (name: string) => reader().readAdapterBytes(`${server.url}/${name}`, signal);
  expect(await ask("a.gguf")).toBe(adapter.length);
  await expect(ask("m.gguf")).rejects.toMatchObject({ code: "invalid_model_file" });
  await server.close();
  expect(await ask("a.gguf")).toBeUndefined();
  expect(await reader().readAdapterBytes("pvc://claim/a.gguf", signal)).toBeUndefined();
});
