/** Brings one remote file into a partial file: resumed after cuts, given up after too many attempts without progress. */
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kit/clock.ts";
import { cancelled } from "./digest.ts";
import type { PartialFile } from "./partial-file.ts";
import type { WeightRequest } from "./sources/source.ts";

/** A reply with the status 200, 206 or 416, or one that is worth another attempt. */
export interface Remote {
  response: Response;
  /** What the server said of the whole file, before any byte of it. */
  sha256: string | undefined;
  bytes: number | undefined;
}

/**
 * Asks for the file with these headers.
 * @throws EngineError when no further attempt can help; anything else counts as a failed attempt
 */
export type OpenRemote = (headers: Record<string, string>, signal: AbortSignal) => Promise<Remote>;

export interface DownloadOptions {
  request: WeightRequest;
  open: OpenRemote;
  partial: PartialFile;
  clock: Clock;
  /** Throws disk_full when so many bytes do not fit. */
  ensureSpace: (bytes: number) => Promise<void>;
  /** Whether weights of this digest are there already. */
  isKnown: (sha256: string) => Promise<boolean>;
}

/** One attempt: the digest of the whole file, or why there is none yet. */
type Outcome = { sha256: string } | { failure: string; retryAfterMs?: number };

/** Resolves to the digest; the bytes are in the partial file, unless weights of this digest were known. */
export async function download(options: DownloadOptions): Promise<string> {
  const { partial, request, clock } = options;
  let best = partial.bytes();
  for (let failures = 0; ; ) {
    const outcome = await attempt(options);
    if ("sha256" in outcome) return outcome.sha256;
    failures = partial.bytes() > best ? 0 : failures + 1;
    best = Math.max(best, partial.bytes());
    if (failures >= limits.downloadAttemptsMax) throw givenUp(request.uri, outcome.failure);
    const pause = Math.max(outcome.retryAfterMs ?? 0, 500 * 2 ** failures);
    await clock.sleep(Math.min(pause, 30_000), request.signal);
    if (request.signal.aborted) throw cancelled();
  }
}

function givenUp(uri: string, failure: string): EngineError {
  return new EngineError(
    "source_unreachable",
    `${uri} could not be fetched, ${limits.downloadAttemptsMax} attempts brought nothing more: ${failure}.`,
    { remedy: "Look at the network, then apply the model again: what came so far is kept." },
  );
}

async function attempt(options: DownloadOptions): Promise<Outcome> {
  const { request, clock } = options;
  const ending = new AbortController();
  const signal = AbortSignal.any([request.signal, ending.signal]);
  try {
    const remote = await orStall(options.open(toHeaders(options.partial), signal), clock);
    if (remote === "stalled") return { failure: "the server did not answer" };
    return await receive(options, remote);
  } catch (error) {
    if (request.signal.aborted) throw cancelled();
    // `fetch` and its bodies throw TypeErrors; whatever else comes is the disk's.
    if (error instanceof TypeError) return { failure: toReason(error) };
    throw error;
  } finally {
    ending.abort();
  }
}

function toHeaders(partial: PartialFile): Record<string, string> {
  // Without compression, lengths and ranges are those of the file.
  const whole = { "accept-encoding": "identity" };
  const { etag, sha256 } = partial.identity();
  if (partial.bytes() === 0 || (etag === undefined && sha256 === undefined)) return whole;
  const range = `bytes=${partial.bytes()}-`;
  // A digest given by the server proves the whole at the end; otherwise the server must say that the file is the same.
  if (sha256 !== undefined || etag === undefined) return { ...whole, range };
  return { ...whole, range, "if-range": etag };
}

async function receive(options: DownloadOptions, remote: Remote): Promise<Outcome> {
  const { partial, request } = options;
  const { response } = remote;
  const expected = request.sha256 ?? remote.sha256;
  refuseOtherFile(request, remote);
  if (isTransient(response.status))
    return {
      failure: `the server answered ${response.status}`,
      retryAfterMs: toMilliseconds(response.headers.get("retry-after")),
    };
  if (expected !== undefined && (await options.isKnown(expected))) return { sha256: expected };
  const resumed = response.status === 206 && continues(partial, remote);
  if (response.status !== 200 && !resumed) {
    await partial.restart({ etag: undefined, sha256: undefined });
    return { failure: "the server's file changed since the last attempt" };
  }
  if (!resumed) await partial.restart({ etag: strongEtag(response), sha256: remote.sha256 });
  const total = remote.bytes ?? totalOf(response);
  if (total !== undefined) await options.ensureSpace(total - partial.bytes());
  const failure = await takeBody(options, response, total);
  if (failure !== undefined) return { failure };
  return conclude(options, total, expected, resumed);
}

/** Whether the digest that is asked for can still come out. */
function refuseOtherFile(request: WeightRequest, remote: Remote): void {
  if (request.sha256 === undefined || remote.sha256 === undefined) return;
  if (request.sha256 !== remote.sha256) throw otherDigest(request, remote.sha256, request.sha256);
}

function continues(partial: PartialFile, remote: Remote): boolean {
  const start = /^bytes (\d+)-/.exec(remote.response.headers.get("content-range") ?? "")?.[1];
  const { sha256 } = partial.identity();
  return Number(start) === partial.bytes() && (sha256 === undefined || sha256 === remote.sha256);
}

async function takeBody(
  options: DownloadOptions,
  response: Response,
  total: number | undefined,
): Promise<string | undefined> {
  const { partial, request, clock } = options;
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined) {
      const next = await orStall(reader.read(), clock);
      if (next === "stalled") return `nothing came for ${limits.downloadStallMs / 1000} seconds`;
      if (request.signal.aborted) throw cancelled();
      if (next.done) break;
      await partial.append(next.value);
      if (partial.bytes() > (total ?? limits.modelFileBytesMax))
        throw await tooLong(options, total);
      request.onProgress({ completedBytes: partial.bytes(), totalBytes: total });
    }
  } finally {
    reader?.cancel().catch(() => undefined);
  }
  const isCut = total !== undefined && partial.bytes() < total;
  return isCut ? `the connection ended after ${partial.bytes()} of ${total} bytes` : undefined;
}

async function tooLong(options: DownloadOptions, total: number | undefined): Promise<EngineError> {
  await options.partial.restart({ etag: undefined, sha256: undefined });
  return new EngineError(
    "invalid_model_file",
    `${options.request.uri} sent more than the ${total ?? limits.modelFileBytesMax} bytes that it may have; what came is thrown away.`,
  );
}

async function conclude(
  options: DownloadOptions,
  total: number | undefined,
  expected: string | undefined,
  resumed: boolean,
): Promise<Outcome> {
  const { partial, request } = options;
  const sha256 = partial.digest();
  const bytes = partial.bytes();
  if (expected === undefined || expected === sha256) return { sha256 };
  await partial.restart({ etag: undefined, sha256: undefined });
  // Two halves of different versions do not make a file; one that came in one piece is what the server has.
  if (resumed) return { failure: `the ${total ?? bytes} bytes do not have the promised SHA-256` };
  throw otherDigest(request, sha256, expected);
}

function otherDigest(request: WeightRequest, found: string, wanted: string): EngineError {
  const asked = request.sha256 === undefined ? "its server promised" : "is asked for";
  return new EngineError(
    "invalid_model_file",
    `${request.uri} has the SHA-256 ${found}, and ${wanted} ${asked}; nothing of it is kept.`,
    {
      field: request.sha256 === undefined ? "source" : "sha256",
      remedy: "Correct `sha256` of the model, or name the `source` that has these weights.",
    },
  );
}

/** What `promise` brings, unless it takes longer than a server may be silent. */
async function orStall<V>(promise: Promise<V>, clock: Clock): Promise<V | "stalled"> {
  const waiting = new AbortController();
  promise.catch(() => undefined);
  try {
    const stall = clock.sleep(limits.downloadStallMs, waiting.signal);
    return await Promise.race([promise, stall.then(() => "stalled" as const)]);
  } finally {
    waiting.abort();
  }
}

function isTransient(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

function toMilliseconds(retryAfter: string | null): number {
  const seconds = Number(retryAfter ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}

function strongEtag(response: Response): string | undefined {
  const etag = response.headers.get("etag");
  return etag?.startsWith('"') ? etag : undefined;
}

function totalOf(response: Response): number | undefined {
  const range = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
  const length = response.status === 200 ? response.headers.get("content-length") : undefined;
  const text = range ?? length;
  return text === undefined || text === null ? undefined : Number(text);
}

/** Why the network failed, in words; `fetch` hides the reason in the cause. */
export function toReason(error: TypeError): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = "code" in cause ? String(cause.code) : undefined;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return "its host's name is unknown or there is no network";
  if (code === "ECONNREFUSED") return "its host refused the connection";
  if (code === "ENETUNREACH" || code === "EHOSTUNREACH") return "there is no way to its host";
  if (code === "UND_ERR_SOCKET" || code === "ECONNRESET") return "the connection broke";
  return cause.message;
}
