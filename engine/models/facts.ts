/** What weights say of themselves before anyone fetches them: the header of a source, read where the file lies. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { ModelFacts } from "../contract/model.ts";
import type { ModelShape } from "../contract/platform.ts";
import { parseSource, type Source } from "../contract/source.ts";
import { type OpenRemote, toReason } from "./download.ts";
import { createGuardedFetch } from "./facts/guarded-fetch.ts";
import { type FactsFolder, openFactsFolder } from "./facts/kept-facts.ts";
import { isPublicAddress } from "./facts/public-address.ts";
import { readRemoteHeader } from "./facts/remote-header.ts";
import {
  type GgufHeader,
  readAdapterFile,
  readAdapterHeader,
  readGgufHeader,
  readHeader,
  toModelFacts,
} from "./formats/gguf.ts";
import { toModelShape } from "./formats/model-shape.ts";
import { createSharedWork } from "./shared-work.ts";
import { openHuggingFace } from "./sources/hf.ts";
import { openUrl } from "./sources/https.ts";

export interface FactsReaderOptions {
  /** Where the package's own models lie. */
  bundledFolder: string;
  fetch?: typeof fetch;
  /** The Hugging Face hub, or a mirror of it; `public` admits its origin wherever it is, because its operator chose it. */
  hub: { endpoint: string; token: string | undefined };
  /** Where read headers are kept; in memory alone when absent. */
  cacheFolder?: string;
  /** `public`: sources may be named by strangers, so that they must lie on the public internet. */
  guard: "public" | "none";
}

/** Shape and facts are there together, or a reason why they are not. */
export interface FactsReading {
  shape: ModelShape | undefined;
  facts: ModelFacts | undefined;
  /** Of the file, where its server says it. */
  sha256: string | undefined;
  /** Of a LoRA adapter, which has no shape of its own. */
  adapterBytes?: number | undefined;
  /** Why there is no shape, or why it is one that was read earlier. */
  reason: string | undefined;
}

export interface ModelFactsReader {
  /**
   * The header behind `source`. `token` is for its server and takes the place of the hub's.
   * @throws EngineError invalid_model_file, invalid_config, forbidden (guard), cancelled
   */
  read(source: string, signal: AbortSignal, token?: string): Promise<FactsReading>;
  /** The size of a LoRA adapter whose header was read and checked; undefined where it cannot be reached. */
  readAdapterBytes(
    source: string,
    signal: AbortSignal,
    token?: string,
  ): Promise<number | undefined>;
}

export function createModelFactsReader(options: FactsReaderOptions): ModelFactsReader {
  const shared = createSharedWork<FactsReading>();
  const folder = openFactsFolder(options.cacheFolder);
  return {
    read(uri, signal, token) {
      const source = parseSource(uri);
      // Who has no token learns nothing that was read with one.
      const key = token === undefined ? uri : `${uri} ${toDigest(token)}`;
      return shared.join(
        key,
        () => undefined,
        signal,
        (_, together) => readSource(options, folder, { uri, source, key, token }, together),
      );
    },
    readAdapterBytes: (uri, signal, token) => readAdapterBytes(options, uri, signal, token),
  };
}

interface Asked {
  uri: string;
  source: Source;
  key: string;
  token: string | undefined;
}

async function readSource(
  options: FactsReaderOptions,
  folder: FactsFolder,
  asked: Asked,
  signal: AbortSignal,
): Promise<FactsReading> {
  const { source } = asked;
  switch (source.scheme) {
    case "bundled":
      return toReading(await readGgufHeader(await findBundled(options.bundledFolder, source.name)));
    case "file":
      return readFile(options, source.path);
    case "pvc":
      return unread(`the claim ${source.claim} can be read by its pods only`);
    case "openai":
      return unread("its server has weights of its own");
    case "https":
    case "hf":
      return readRemote(folder, asked, toOpen(options, source, asked.token), signal);
  }
}

async function readAdapterBytes(
  options: FactsReaderOptions,
  uri: string,
  signal: AbortSignal,
  token: string | undefined,
): Promise<number | undefined> {
  const source = parseSource(uri);
  if (source.scheme === "bundled")
    return (await readAdapterFile(await findBundled(options.bundledFolder, source.name))).bytes;
  if (source.scheme === "file") {
    if (options.guard === "public" || !existsSync(source.path)) return undefined;
    return (await readAdapterFile(source.path)).bytes;
  }
  if (source.scheme !== "https" && source.scheme !== "hf") return undefined;
  const deadline = AbortSignal.timeout(limits.factsMsMax);
  try {
    const both = AbortSignal.any([signal, deadline]);
    const open = toOpen(options, source, token);
    const asked = { label: uri, open, known: undefined, signal: both };
    return (await readRemoteHeader(asked, readAdapterHeader))?.header.bytes;
  } catch (error) {
    if (toUnreachable(error, deadline) === undefined) throw error;
    return undefined;
  }
}

async function findBundled(folder: string, name: string): Promise<string> {
  const ending = ".gguf";
  const files = await readdir(folder).catch((): string[] => []);
  const names = files.filter(file => file.endsWith(ending)).map(file => file.slice(0, -5));
  if (names.includes(name)) return join(folder, `${name}${ending}`);
  throw new EngineError("invalid_config", `There is no bundled model "${name}".`, {
    field: "source",
    remedy: `Write ${names.map(known => `bundled:${known}`).join(" or ") || "another source"}.`,
  });
}

/** A path of the pods; a file of this machine by the same path is taken for the same one, unless strangers ask. */
async function readFile(options: FactsReaderOptions, path: string): Promise<FactsReading> {
  if (options.guard === "public") return unread(`${path} is a path in its pods`);
  try {
    return toReading(await readGgufHeader(path));
  } catch (error) {
    if (error instanceof EngineError && error.code === "invalid_config")
      return unread(error.message);
    throw error;
  }
}

function toOpen(
  options: FactsReaderOptions,
  source: Extract<Source, { scheme: "https" | "hf" }>,
  token: string | undefined,
): OpenRemote {
  const plain = options.fetch ?? fetch;
  const guarded =
    options.guard === "none" ? plain : createGuardedFetch({ isAdmitted: isPublicAddress });
  if (source.scheme === "https")
    return openUrl(guarded, source.url, token ? { authorization: `Bearer ${token}` } : {});
  const hub = { endpoint: options.hub.endpoint, token: token ?? options.hub.token };
  const { origin } = new URL(hub.endpoint);
  const call: typeof fetch = (input, init) =>
    new URL(String(input)).origin === origin ? plain(input, init) : guarded(input, init);
  return openHuggingFace(call, hub, source);
}

async function readRemote(
  folder: FactsFolder,
  asked: Asked,
  open: OpenRemote,
  signal: AbortSignal,
): Promise<FactsReading> {
  const known = await folder.find(asked.key);
  const reading = (reason?: string): FactsReading => ({
    shape: known?.shape,
    facts: known?.facts,
    sha256: known?.identity.sha256,
    reason,
  });
  if (known !== undefined && isFixed(asked.source)) return reading();
  const deadline = AbortSignal.timeout(limits.factsMsMax);
  try {
    const both = AbortSignal.any([signal, deadline]);
    const options = { label: asked.uri, open, known: known?.identity, signal: both };
    const found = await readRemoteHeader(options, readHeader);
    if (found === undefined) return reading();
    const { header, identity } = found;
    await folder.keep(asked.key, { ...toSizes(header), identity });
    return { ...toReading(header), sha256: identity.sha256 };
  } catch (error) {
    const why = toUnreachable(error, deadline);
    if (why === undefined) throw error;
    return reading(known === undefined ? why : `${why}; what it said earlier is used`);
  }
}

/** A commit of the hub never becomes another file. */
function isFixed(source: Source): boolean {
  return source.scheme === "hf" && /^[0-9a-f]{40}$/.test(source.revision);
}

function toUnreachable(error: unknown, deadline: AbortSignal): string | undefined {
  if (deadline.aborted) return `nothing came within ${limits.factsMsMax / 1000} seconds`;
  if (error instanceof EngineError)
    return error.code === "source_unreachable" ? error.message.replace(/\.$/, "") : undefined;
  return error instanceof TypeError ? toReason(error) : undefined;
}

function toSizes(header: GgufHeader) {
  return { shape: toModelShape(header), facts: toModelFacts(header) };
}

function toReading(header: GgufHeader): FactsReading {
  return { ...toSizes(header), sha256: undefined, reason: undefined };
}

function unread(reason: string): FactsReading {
  return { shape: undefined, facts: undefined, sha256: undefined, reason };
}

function toDigest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
