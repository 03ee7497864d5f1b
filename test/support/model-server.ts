/** A web server and a Hugging Face hub for tests: the routes, headers and ranges of the real ones, and their bad days on demand. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What one reply does wrong; the next one in line is taken for each reply that would carry the file. */
export interface Fault {
  status?: number;
  headers?: Record<string, string>;
  /** Breaks the connection after so many bytes of the body. */
  cutAfter?: number;
  /** Falls silent after so many bytes of the body. */
  stallAfter?: number;
}

export interface SeenRequest {
  host: string | undefined;
  path: string;
  range: string | undefined;
  ifRange: string | undefined;
  authorization: string | undefined;
}

export interface ModelServer {
  /** Such as `http://127.0.0.1:40123`; the files lie at `/<file>`, the hub's at `/<owner>/<repo>/resolve/<revision>/<file>`. */
  readonly url: string;
  readonly requests: SeenRequest[];
  /** The files by name; what is set later is served from then on. */
  readonly files: Map<string, Buffer>;
  readonly faults: Fault[];
  /** Body bytes that were sent. */
  sentBytes(): number;
  /** Breaks what is being sent. */
  breakConnections(): void;
  close(): Promise<void>;
}

export interface ModelServerOptions {
  files?: Record<string, Buffer>;
  /** Whether ranges are answered; true when absent. */
  ranges?: boolean;
  /** Whether replies carry an ETag; true when absent. */
  etags?: boolean;
  /** Repositories that want this token. */
  gated?: Record<string, string>;
  /** Where the hub redirects to; itself when absent. */
  cdn?: string;
  /** The digest that the hub promises instead of the true one. */
  promisedSha256?: string;
}

export async function createModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const requests: SeenRequest[] = [];
  const files = new Map(Object.entries(options.files ?? {}));
  const faults: Fault[] = [];
  let sentBytes = 0;
  const server = createServer((request, response) => {
    requests.push(toSeen(request));
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname);
    const hub = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    if (hub !== null) return redirect(request, response, hub[1] ?? "", hub[3] ?? "");
    const content = files.get(path.slice(1));
    if (content === undefined) return refuse(response, 404);
    send(request, response, content);
  });

  const redirect = (
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
    file: string,
  ) => {
    const token = options.gated?.[repository];
    const { authorization } = request.headers;
    if (token !== undefined && authorization !== `Bearer ${token}`)
      return refuse(response, authorization === undefined ? 401 : 403);
    const content = files.get(file);
    if (content === undefined) return refuse(response, 404);
    response.writeHead(302, {
      location: `${options.cdn ?? ""}/${file}`,
      "x-repo-commit": "0123456789abcdef0123456789abcdef01234567",
      "x-linked-etag": `"${options.promisedSha256 ?? sha256Of(content)}"`,
      "x-linked-size": String(content.length),
    });
    response.end();
  };

  const send = (request: IncomingMessage, response: ServerResponse, content: Buffer) => {
    const fault = faults.shift() ?? {};
    if (fault.status !== undefined) return refuse(response, fault.status, fault.headers);
    const etag = `"${sha256Of(content).slice(0, 16)}"`;
    if (options.etags !== false && request.headers["if-none-match"] === etag)
      return refuse(response, 304, { etag });
    const [start, last] = options.ranges === false ? [] : rangeOf(request, etag);
    if (start !== undefined && start >= content.length) return refuse(response, 416);
    const body = content.subarray(start ?? 0, last === undefined ? undefined : last + 1);
    response.writeHead(start === undefined ? 200 : 206, {
      "content-length": body.length,
      ...(options.etags === false ? {} : { etag }),
      ...(start === undefined ? {} : { "content-range": toRange(start, body, content) }),
    });
    const end = fault.cutAfter ?? fault.stallAfter ?? body.length;
    sentBytes += Math.min(end, body.length);
    response.write(body.subarray(0, end), () => {
      if (fault.cutAfter !== undefined) response.destroy();
    });
    if (fault.cutAfter === undefined && fault.stallAfter === undefined) response.end();
  };

  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    files,
    faults,
    sentBytes: () => sentBytes,
    breakConnections: () => server.closeAllConnections(),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The requested first and last byte, unless If-Range names another version of the file. */
function rangeOf(request: IncomingMessage, etag: string): (number | undefined)[] {
  const ifRange = request.headers["if-range"];
  const [, start, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  if (!start || (ifRange !== undefined && ifRange !== etag)) return [];
  return [Number(start), last ? Number(last) : undefined];
}

function toRange(start: number, body: Buffer, whole: Buffer): string {
  return `bytes ${start}-${start + body.length - 1}/${whole.length}`;
}

function refuse(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, headers).end();
}

function toSeen(request: IncomingMessage): SeenRequest {
  const { host, range, authorization } = request.headers;
  const ifRange = request.headers["if-range"];
  return {
    host,
    path: request.url ?? "",
    range,
    ifRange: typeof ifRange === "string" ? ifRange : undefined,
    authorization,
  };
}

export function sha256Of(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
