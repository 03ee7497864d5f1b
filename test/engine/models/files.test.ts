/** ModelFiles: every source brings a verified file, nothing is fetched twice, and every bad day ends in a sentence. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { limits } from "../../../engine/contract/limits.ts";
import { ModelSpec, type TransferProgress } from "../../../engine/contract/model.ts";
import type { Clock } from "../../../engine/kit/clock.ts";
import { createModelFiles, type ModelFilesOptions } from "../../../engine/models/files.ts";
import { createLog } from "../../../engine/telemetry/log.ts";
import { encodeGguf } from "../../support/gguf-encoding.ts";
import { tinyAdapter, tinyModel } from "../../support/gguf-writer.ts";
import {
  createModelServer,
  type ModelServerOptions,
  sha256Of,
} from "../../support/model-server.ts";
import { asOrdinaryUser } from "../../support/ordinary-user.ts";

const model = encodeGguf(tinyModel({ seed: 1, blockCount: 4 }));
const other = encodeGguf(tinyModel({ seed: 2, blockCount: 4 }));
const half = Math.floor(model.length / 2);
const never = new AbortController().signal;
const closers: (() => Promise<void>)[] = [];

let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "echorator-files-"));
});
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  rmSync(home, { recursive: true, force: true });
});

/** Pauses cost no time; only stalls wait, until the test says that they are over. */
function createHurriedClock(): Clock & { stall: () => void } {
  const stalls = new Set<() => void>();
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms, signal) =>
      ms === limits.downloadStallMs
        ? new Promise(resolve => {
            stalls.add(resolve);
            signal?.addEventListener("abort", () => {
              stalls.delete(resolve);
              resolve();
            });
          })
        : new Promise(resolve => setImmediate(resolve)),
    stall: () => {
      for (const end of stalls) end();
    },
  };
}

const clock = createHurriedClock();

function createFiles(options: Partial<ModelFilesOptions> = {}) {
  return createModelFiles({
    folder: join(home, "weights"),
    bundledFolder: join(home, "bundled"),
    hub: { endpoint: "http://127.0.0.1:1", token: undefined },
    clock,
    log: createLog({ level: "error", format: "json", clock, write: () => undefined }),
    ...options,
  });
}

async function serve(options: ModelServerOptions = {}) {
  const server = await createModelServer({ files: { "x.gguf": model }, ...options });
  closers.push(server.close);
  return server;
}

function resolve(
  files: ReturnType<typeof createFiles>,
  source: string,
  more: { sha256?: string; signal?: AbortSignal; progress?: TransferProgress[] } = {},
) {
  const { sha256, signal = never, progress = [] } = more;
  const spec = ModelSpec.parse({ name: "x", source, ...(sha256 === undefined ? {} : { sha256 }) });
  return files.resolve(spec, seen => progress.push(seen), signal);
}

const blobs = () => listFolder("blobs");
const partials = () => listFolder("partial");
/** Whether a download that was given up can go on: its notes have their name. */
const isKept = () => partials().some(name => name.endsWith(".json"));
function listFolder(name: string): string[] {
  const folder = join(home, "weights", name);
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** An error with this code whose sentence and remedy match. */
const failure = (code: string, sentence: RegExp, remedy = /./) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(sentence),
    remedy: expect.stringMatching(remedy),
  });

const thrownBy = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    error => error,
  );

test("a file is used where it lies, and its digest computed once a version", async () => {
  const path = join(home, "my model.gguf");
  writeFileSync(path, model);
  const source = `file://${encodeURI(path)}`;
  const progress: TransferProgress[] = [];
  const file = await resolve(createFiles(), source, { progress });
  expect(file).toMatchObject({ path, bytes: model.length, sha256: sha256Of(model) });
  expect(file.facts.name).toBe("tiny-1");
  expect(progress.at(-1)).toEqual({ completedBytes: model.length, totalBytes: model.length });
  const again: TransferProgress[] = [];
  await resolve(createFiles(), source, { progress: again });
  expect(again).toEqual([]);
  writeFileSync(path, other);
  utimesSync(path, 1, 1);
  expect((await resolve(createFiles(), source)).sha256).toBe(sha256Of(other));
});

test("a bundled model is found by its name", async () => {
  mkdirSync(join(home, "bundled"));
  writeFileSync(join(home, "bundled", "echo-tiny.gguf"), model);
  expect((await resolve(createFiles(), "bundled:echo-tiny")).sha256).toBe(sha256Of(model));
  expect(await thrownBy(resolve(createFiles(), "bundled:nope"))).toEqual(
    failure("invalid_config", /no bundled model "nope"/, /bundled:echo-tiny/),
  );
});

test("a path that is missing, a folder, or another format is named with what to do", async () => {
  const files = createFiles();
  const folder = join(home, "folder");
  mkdirSync(folder);
  writeFileSync(join(home, "x.bin"), "PK and so on, longer than a header is");
  expect(await thrownBy(resolve(files, `file://${home}/none.gguf`))).toEqual(
    failure("invalid_config", /none\.gguf does not exist/, /Correct the path/),
  );
  expect(await thrownBy(resolve(files, `file://${folder}`))).toEqual(
    failure("invalid_config", /is a folder/, /one GGUF file/),
  );
  expect(await thrownBy(resolve(files, `file://${home}/x.bin`))).toEqual(
    failure("invalid_model_file", /begins with "PK a"/, /GGUF file/),
  );
  expect(existsSync(join(home, "x.bin"))).toBe(true);
});

test("a file that may not be read is named", async () => {
  const path = join(home, "x.gguf");
  writeFileSync(path, model);
  chmodSync(path, 0);
  const thrown = await asOrdinaryUser(home, () =>
    thrownBy(resolve(createFiles(), `file://${path}`)),
  );
  expect(thrown).toEqual(failure("invalid_config", /may not be read/, /Let the user/));
});

test("a remote file is fetched once, kept by its digest, and found again without network", async () => {
  const server = await serve();
  const progress: TransferProgress[] = [];
  const file = await resolve(createFiles(), `${server.url}/x.gguf`, { progress });
  expect(file.path).toBe(join(home, "weights", "blobs", `sha256-${sha256Of(model)}`));
  expect(readFileSync(file.path).equals(model)).toBe(true);
  expect(progress.at(-1)).toEqual({ completedBytes: model.length, totalBytes: model.length });
  expect(partials()).toEqual([]);
  await server.close();
  expect(await resolve(createFiles(), `${server.url}/x.gguf`)).toEqual(file);
  expect(server.requests).toHaveLength(1);
});

test("two models of one source share one download, and one that leaves does not end it", async () => {
  const server = await serve();
  const files = createFiles();
  const leaving = new AbortController();
  const first = thrownBy(resolve(files, `${server.url}/x.gguf`, { signal: leaving.signal }));
  const second = resolve(files, `${server.url}/x.gguf`);
  leaving.abort();
  expect(await first).toEqual(failure("cancelled", /cancelled/));
  expect((await second).sha256).toBe(sha256Of(model));
  expect(server.requests).toHaveLength(1);
});

test("a connection that breaks is resumed where it broke", async () => {
  const server = await serve();
  server.faults.push({ stallAfter: half });
  const progress: TransferProgress[] = [];
  const fetching = resolve(createFiles(), `${server.url}/x.gguf`, { progress });
  await vi.waitUntil(() => progress.at(-1)?.completedBytes === half);
  server.breakConnections();
  expect((await fetching).sha256).toBe(sha256Of(model));
  const [, again] = server.requests;
  expect(again?.range).toBe(`bytes=${half}-`);
  expect(again?.ifRange).toMatch(/^"/);
  expect(server.sentBytes()).toBe(model.length);
});

test("a cancelled download goes on from there, even after a restart", async () => {
  const server = await serve();
  server.faults.push({ stallAfter: half });
  const cancelling = new AbortController();
  const progress: TransferProgress[] = [];
  const first = thrownBy(
    resolve(createFiles(), `${server.url}/x.gguf`, { signal: cancelling.signal, progress }),
  );
  await vi.waitUntil(() => progress.at(-1)?.completedBytes === half);
  cancelling.abort();
  expect(await first).toEqual(failure("cancelled", /cancelled/));
  await vi.waitUntil(isKept);
  const file = await resolve(createFiles(), `${server.url}/x.gguf`);
  expect(file.sha256).toBe(sha256Of(model));
  expect(server.requests.at(-1)?.range).toBe(`bytes=${half}-`);
  expect(partials()).toEqual([]);
});

test("a file that changed between two attempts is fetched whole", async () => {
  const server = await serve();
  server.faults.push({ stallAfter: half });
  const cancelling = new AbortController();
  const progress: TransferProgress[] = [];
  const source = `${server.url}/x.gguf`;
  const first = thrownBy(resolve(createFiles(), source, { signal: cancelling.signal, progress }));
  await vi.waitUntil(() => progress.at(-1)?.completedBytes === half);
  cancelling.abort();
  await first;
  await vi.waitUntil(isKept);
  server.files.set("x.gguf", other);
  expect((await resolve(createFiles(), source)).sha256).toBe(sha256Of(other));
});

test.each([{ ranges: false }, { etags: false }])(
  "a server with %j starts again from the beginning",
  async options => {
    const server = await serve(options);
    server.faults.push({ cutAfter: half });
    const file = await resolve(createFiles(), `${server.url}/x.gguf`);
    expect(file.sha256).toBe(sha256Of(model));
    expect(server.requests).toHaveLength(2);
  },
);

test("a server that always breaks at the same place is given up, and what came is kept", async () => {
  const server = await serve({ ranges: false });
  for (let turn = 0; turn < 20; turn++) server.faults.push({ cutAfter: half });
  expect(await thrownBy(resolve(createFiles(), `${server.url}/x.gguf`))).toEqual(
    failure("source_unreachable", /5 attempts brought nothing more/, /what came so far is kept/),
  );
  expect(server.requests.length).toBeLessThanOrEqual(limits.downloadAttemptsMax + 1);
  expect(blobs()).toEqual([]);
});

test("silence on the wire ends an attempt, and the next one goes on", async () => {
  const server = await serve();
  server.faults.push({ stallAfter: half });
  const progress: TransferProgress[] = [];
  const fetching = resolve(createFiles(), `${server.url}/x.gguf`, { progress });
  await vi.waitUntil(() => progress.at(-1)?.completedBytes === half);
  await new Promise(resolve => setImmediate(resolve));
  clock.stall();
  expect((await fetching).sha256).toBe(sha256Of(model));
});

test("a busy server is asked again", async () => {
  const server = await serve();
  server.faults.push({ status: 503 }, { status: 429, headers: { "retry-after": "2" } });
  expect((await resolve(createFiles(), `${server.url}/x.gguf`)).sha256).toBe(sha256Of(model));
  expect(server.requests).toHaveLength(3);
});

test.each([
  [401, /does not give out/, /needs no key/],
  [403, /does not give out/, /needs no key/],
  [404, /there is no such file/, /Correct the model's `source`/],
  [418, /answered 418/, /Correct/],
])("the status %i is a sentence at once", async (status, sentence, remedy) => {
  const server = await serve();
  server.faults.push({ status });
  expect(await thrownBy(resolve(createFiles(), `${server.url}/x.gguf`))).toEqual(
    failure("source_unreachable", sentence, remedy),
  );
  expect(server.requests).toHaveLength(1);
});

test("a host that refuses or has no address is a sentence after some attempts", async () => {
  const server = await serve();
  await server.close();
  expect(await thrownBy(resolve(createFiles(), `${server.url}/x.gguf`))).toEqual(
    failure("source_unreachable", /refused the connection/, /Look at the network/),
  );
  const call = () => Promise.reject(new TypeError("fetch failed", { cause: toDnsError() }));
  expect(await thrownBy(resolve(createFiles({ fetch: call }), "https://nowhere/x.gguf"))).toEqual(
    failure("source_unreachable", /name is unknown or there is no network/),
  );
});

function toDnsError(): Error {
  return Object.assign(new Error("getaddrinfo ENOTFOUND nowhere"), { code: "ENOTFOUND" });
}

test("weights with another digest than asked for are not kept", async () => {
  const server = await serve();
  const sha256 = sha256Of(other);
  expect(await thrownBy(resolve(createFiles(), `${server.url}/x.gguf`, { sha256 }))).toEqual(
    failure(
      "invalid_model_file",
      /has the SHA-256 .* is asked for; nothing of it is kept/,
      /sha256/,
    ),
  );
  expect([...blobs(), ...partials()]).toEqual([]);
  const file = await resolve(createFiles(), `${server.url}/x.gguf`, { sha256: sha256Of(model) });
  expect(file.sha256).toBe(sha256Of(model));
});

test("fetched weights that are no model are not kept, so that a mended upload is fetched", async () => {
  const server = await serve({ files: { "x.gguf": model.subarray(0, half) } });
  const files = createFiles();
  expect(await thrownBy(resolve(files, `${server.url}/x.gguf`))).toEqual(
    failure("invalid_model_file", /cut off/, /Download the file again/),
  );
  expect([...blobs(), ...partials()]).toEqual([]);
  server.files.set("x.gguf", model);
  expect((await resolve(files, `${server.url}/x.gguf`)).sha256).toBe(sha256Of(model));
});

test("a blob that rotted on disk is fetched again", async () => {
  const server = await serve();
  const { path } = await resolve(createFiles(), `${server.url}/x.gguf`);
  writeFileSync(path, other);
  expect((await resolve(createFiles(), `${server.url}/x.gguf`)).sha256).toBe(sha256Of(model));
  expect(readFileSync(path).equals(model)).toBe(true);
});

test("an index that is broken costs time only", async () => {
  const server = await serve();
  const file = await resolve(createFiles(), `${server.url}/x.gguf`);
  writeFileSync(join(home, "weights", "index.json"), "{");
  expect(await resolve(createFiles(), `${server.url}/x.gguf`)).toEqual(
    expect.objectContaining({ path: file.path, sha256: file.sha256 }),
  );
});

test("a disk without room is refused before anything is written", async () => {
  const server = await serve();
  const files = createFiles({ freeBytes: async () => limits.diskReserveBytes + model.length - 1 });
  expect(await thrownBy(resolve(files, `${server.url}/x.gguf`))).toEqual(
    failure("disk_full", new RegExp(`${model.length} more bytes are wanted`), /Free space/),
  );
  expect([...blobs(), ...partials()]).toEqual([]);
});

// Only Linux has a device that is always full; elsewhere there is no disk to fill without rights.
test.skipIf(!existsSync("/dev/full"))(
  "a disk that fills up on the way gets its bytes back",
  async () => {
    const server = await serve();
    server.faults.push({ stallAfter: 10 });
    const cancelling = new AbortController();
    const progress: TransferProgress[] = [];
    const source = `${server.url}/x.gguf`;
    const first = thrownBy(resolve(createFiles(), source, { signal: cancelling.signal, progress }));
    await vi.waitUntil(() => progress.length > 0);
    const [name] = partials();
    cancelling.abort();
    await first;
    await vi.waitUntil(isKept);
    for (const file of partials()) rmSync(join(home, "weights", "partial", file));
    symlinkSync("/dev/full", join(home, "weights", "partial", name ?? ""));
    expect(await thrownBy(resolve(createFiles(), source))).toEqual(
      failure("disk_full", /has no room for the model/, /Free space/),
    );
    expect(partials()).toEqual([]);
  },
);

test("a folder that cannot be made is named", async () => {
  writeFileSync(join(home, "weights"), "a file in its place");
  const server = await serve();
  expect(await thrownBy(resolve(createFiles(), `${server.url}/x.gguf`))).toEqual(
    failure("invalid_config", /folder of the weights/, /another home/),
  );
});

test("the hub: the token stays there, the bytes come from elsewhere", async () => {
  const cdn = await serve();
  const hub = await serve({ gated: { "me/models": "hf_secret" }, cdn: cdn.url });
  const files = createFiles({ hub: { endpoint: `${hub.url}/`, token: "hf_secret" } });
  const file = await resolve(files, "hf:me/models/x.gguf@v1");
  expect(file.sha256).toBe(sha256Of(model));
  expect(hub.requests.map(({ path, authorization }) => ({ path, authorization }))).toEqual([
    { path: "/me/models/resolve/v1/x.gguf", authorization: "Bearer hf_secret" },
  ]);
  expect(cdn.requests.map(request => request.authorization)).toEqual([undefined]);
});

test("the hub's promise of digest and size is held", async () => {
  const hub = await serve({ promisedSha256: sha256Of(other) });
  const files = createFiles({ hub: { endpoint: hub.url, token: undefined } });
  expect(await thrownBy(resolve(files, "hf:me/models/x.gguf"))).toEqual(
    failure("invalid_model_file", /its server promised; nothing of it is kept/),
  );
  expect([...blobs(), ...partials()]).toEqual([]);
});

test("what the hub promises and is there already is not fetched", async () => {
  const hub = await serve();
  const files = createFiles({ hub: { endpoint: hub.url, token: undefined } });
  await resolve(files, `${hub.url}/x.gguf`);
  const before = hub.sentBytes();
  expect((await resolve(files, "hf:me/models/x.gguf")).sha256).toBe(sha256Of(model));
  expect(hub.sentBytes() - before).toBeLessThanOrEqual(model.length);
  expect(blobs()).toHaveLength(1);
});

test("a digest that the hub contradicts is refused before the transfer", async () => {
  const hub = await serve();
  const files = createFiles({ hub: { endpoint: hub.url, token: undefined } });
  const sha256 = sha256Of(other);
  expect(await thrownBy(resolve(files, "hf:me/models/x.gguf", { sha256 }))).toEqual(
    failure("invalid_model_file", /is asked for/),
  );
});

test("a hub download that broke goes on over a new redirect", async () => {
  const hub = await serve();
  hub.faults.push({ stallAfter: half });
  const files = createFiles({ hub: { endpoint: hub.url, token: undefined } });
  const progress: TransferProgress[] = [];
  const fetching = resolve(files, "hf:me/models/x.gguf", { progress });
  await vi.waitUntil(() => progress.at(-1)?.completedBytes === half);
  hub.breakConnections();
  expect((await fetching).sha256).toBe(sha256Of(model));
  expect(hub.requests).toHaveLength(4);
  expect(hub.requests.at(-1)?.range).toBe(`bytes=${half}-`);
});

test("a gated repository without and with the wrong token, and a file that is not there", async () => {
  const hub = await serve({ gated: { "me/models": "hf_secret" } });
  const get = (token: string | undefined, source: string) =>
    thrownBy(resolve(createFiles({ hub: { endpoint: hub.url, token } }), source));
  expect(await get(undefined, "hf:me/models/x.gguf")).toEqual(
    failure("source_unreachable", /me\/models \(401\)/, /set HF_TOKEN/),
  );
  expect(await get("hf_other", "hf:me/models/x.gguf")).toEqual(
    failure("source_unreachable", /me\/models \(403\)/, /account of HF_TOKEN/),
  );
  expect(await get("hf_secret", "hf:me/models/y.gguf")).toEqual(
    failure("source_unreachable", /no file y\.gguf in me\/models at revision main/),
  );
});

test("a redirect that leaves https is not followed", async () => {
  const call: typeof fetch = async () =>
    new Response(null, { status: 302, headers: { location: "http://evil.example/x.gguf" } });
  expect(await thrownBy(resolve(createFiles({ fetch: call }), "https://host/x.gguf"))).toEqual(
    failure("source_unreachable", /redirects to http:\/\/evil\.example, which is not followed/),
  );
  const inward: typeof fetch = async () =>
    new Response(null, { status: 302, headers: { location: "http://127.0.0.1:9/x.gguf" } });
  expect(await thrownBy(resolve(createFiles({ fetch: inward }), "https://host/x.gguf"))).toEqual(
    failure("source_unreachable", /is not followed/),
  );
});

const target = { name: "blk.0.attn_q.weight", columns: 32, rows: 32 };
const adapter = encodeGguf(tinyAdapter({ seed: 3, targets: [target] }));

function withAdapter(url: string, name: string, sha256?: string): ModelSpec {
  const adapters = [{ name: "tone", source: `${url}/${name}`, sha256, scale: 2 }];
  return ModelSpec.parse({ name: "x", source: `${url}/x.gguf`, adapters });
}

test("adapters come as the weights do, with their digests, once for all models", async () => {
  const server = await serve({ files: { "x.gguf": model, "a.gguf": adapter } });
  const files = createFiles();
  const spec = withAdapter(server.url, "a.gguf", sha256Of(adapter));
  const file = await files.resolve(spec, () => undefined, never);
  expect(file).toMatchObject({
    sha256: sha256Of(model),
    adapters: [{ name: "tone", bytes: adapter.length, sha256: sha256Of(adapter), scale: 2 }],
  });
  expect(readFileSync(file.adapters?.[0]?.path ?? "")).toEqual(adapter);
  const asked = server.requests.length;
  expect(await files.resolve(spec, () => undefined, never)).toEqual(file);
  expect(server.requests).toHaveLength(asked);
  expect((await files.resolve({ ...spec, adapters: [] }, () => undefined, never)).adapters).toBe(
    undefined,
  );
});

test("an adapter that cannot be applied is refused by its field", async () => {
  const wide = [{ ...target, columns: 64 }];
  const server = await serve({
    files: {
      "x.gguf": model,
      "a.gguf": adapter,
      "arch.gguf": encodeGguf(tinyAdapter({ seed: 3, targets: [target], architecture: "qwen2" })),
      "wide.gguf": encodeGguf(tinyAdapter({ seed: 3, targets: wide })),
    },
  });
  const refused = (name: string, sha256?: string) =>
    thrownBy(createFiles().resolve(withAdapter(server.url, name, sha256), () => undefined, never));
  const field = "adapters[0].source";
  expect(await refused("arch.gguf")).toMatchObject({ code: "invalid_model_file", field });
  expect(await refused("arch.gguf")).toEqual(failure("invalid_model_file", /architecture "qwen2"/));
  expect(await refused("wide.gguf")).toEqual(failure("invalid_model_file", /64 × 32/));
  expect(await refused("x.gguf")).toMatchObject({ code: "invalid_model_file", field });
  expect(await refused("away.gguf")).toMatchObject({ code: "source_unreachable", field });
  const digest = "0".repeat(64);
  expect(await refused("a.gguf", digest)).toMatchObject({ field: "adapters[0].sha256" });
});
