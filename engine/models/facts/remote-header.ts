/** Reads the header of a GGUF file that lies on a server: a few growing ranges from its front, never the weights. */
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { OpenRemote, Remote } from "../download.ts";
import type { ByteReader } from "../formats/gguf/cursor.ts";

/** Which version of a file it was. */
export interface RemoteIdentity {
  etag: string | undefined;
  sha256: string | undefined;
}

export interface RemoteHeaderOptions {
  /** What messages call the file. */
  label: string;
  open: OpenRemote;
  /** The version that is known already, if one is. */
  known: RemoteIdentity | undefined;
  signal: AbortSignal;
}

const firstRangeBytes = 512 * 1024;

/**
 * The header and the version it is of; undefined when the server still has the known one.
 * @throws EngineError source_unreachable, invalid_model_file; TypeError when the network fails
 */
export async function readRemoteHeader<Header>(
  options: RemoteHeaderOptions,
  read: (reader: ByteReader) => Promise<Header>,
): Promise<{ header: Header; identity: RemoteIdentity } | undefined> {
  const { known } = options;
  const asked = known?.etag === undefined ? {} : { "if-none-match": known.etag };
  const first = await openRange(options, 0, firstRangeBytes, asked);
  const identity = toIdentity(first);
  const isSame = known?.sha256 !== undefined && known.sha256 === identity.sha256;
  if (first.response.status === 304 || isSame) {
    await first.response.body?.cancel();
    return undefined;
  }
  const front = await openFront(options, first);
  try {
    return { header: await read(front), identity };
  } finally {
    await front.close();
  }
}

async function openRange(
  options: RemoteHeaderOptions,
  start: number,
  bytes: number,
  more: Record<string, string> = {},
): Promise<Remote> {
  const range = `bytes=${start}-${start + bytes - 1}`;
  // Without compression, lengths and ranges are those of the file.
  const headers = { range, "accept-encoding": "identity", ...more };
  const remote = await options.open(headers, options.signal);
  const { status } = remote.response;
  if ([200, 206, 304].includes(status)) return remote;
  await remote.response.body?.cancel();
  throw unreachable(options, `its server answered ${status}`);
}

function unreachable({ label }: RemoteHeaderOptions, why: string): EngineError {
  return new EngineError("source_unreachable", `The header of ${label} was not read: ${why}.`);
}

function toIdentity({ response, sha256 }: Remote): RemoteIdentity {
  return { etag: response.headers.get("etag") ?? undefined, sha256 };
}

interface Front {
  label: string;
  bytes: number;
  read(target: Buffer, position: number): Promise<number>;
  close(): Promise<void>;
}

/** The file from its front; positions only grow, so that no more than one range is held. */
async function openFront(options: RemoteHeaderOptions, first: Remote): Promise<Front> {
  const bytes = toTotal(options, first);
  let body = createBody(options, first.response);
  let size = firstRangeBytes;
  /** Where the range that is being read ends, and the next byte of it. */
  let rangeEnd = first.response.status === 200 ? bytes : Math.min(size, bytes);
  let at = 0;
  let held = Buffer.alloc(0);

  const goOn = async (position: number): Promise<void> => {
    await body.close();
    size = Math.min(size * 2, limits.factsRangeBytesMax, bytes - position);
    const remote = await openRange(options, position, size);
    refuseOther(options, first, remote, position);
    body = createBody(options, remote.response);
    at = position;
    rangeEnd = position + size;
  };

  return {
    label: options.label,
    bytes,
    async read(target, position) {
      if (position >= rangeEnd) await goOn(position);
      const end = position + target.length;
      let pieces: Uint8Array[] = [held];
      while (at < end) {
        if (at >= rangeEnd) await goOn(at);
        const piece = await body.read();
        at += piece.length;
        // What was skipped is not kept.
        if (at <= position) pieces = [];
        else pieces.push(piece);
      }
      const all = Buffer.concat(pieces);
      held = all.subarray(all.length - (at - position));
      return held.copy(target);
    },
    close: () => body.close(),
  };
}

function toTotal(options: RemoteHeaderOptions, { response, bytes }: Remote): number {
  const range = /\/(\d{1,15})$/.exec(response.headers.get("content-range") ?? "")?.[1];
  const length = response.status === 200 ? response.headers.get("content-length") : undefined;
  const total = range ?? length ?? bytes;
  if (total !== undefined && total !== null) return Number(total);
  throw unreachable(options, "its server does not say how long the file is");
}

/** Two halves of different versions are no header. */
function refuseOther(
  options: RemoteHeaderOptions,
  first: Remote,
  remote: Remote,
  position: number,
): void {
  const header = (name: string, of: Remote) => of.response.headers.get(name);
  const from = Number(/^bytes (\d+)-/.exec(header("content-range", remote) ?? "")?.[1]);
  const isSame = header("etag", remote) === header("etag", first);
  if (remote.response.status === 206 && from === position && isSame) return;
  void remote.response.body?.cancel();
  throw unreachable(options, "its server has another file than a moment ago");
}

interface Body {
  /** The next bytes. @throws EngineError source_unreachable when there are none */
  read(): Promise<Uint8Array>;
  close(): Promise<void>;
}

function createBody(options: RemoteHeaderOptions, response: Response): Body {
  const reader = response.body?.getReader();
  return {
    async read() {
      const next = await reader?.read();
      if (next?.value !== undefined) return next.value;
      throw unreachable(options, "the connection ended too early");
    },
    close: async () => {
      await reader?.cancel().catch(() => undefined);
    },
  };
}
