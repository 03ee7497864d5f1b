/** Requests that go to admitted addresses only: a name is looked up once, and the connection is made to the very addresses that were checked. */
import type { LookupAddress } from "node:dns";
import { lookup as lookUpName } from "node:dns/promises";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { Readable } from "node:stream";
import { EngineError } from "../../contract/errors.ts";

export interface GuardedFetchOptions {
  /** Whether an address may be connected to. */
  isAdmitted: (address: string) => boolean;
  /** All addresses of a name; the system's resolver when absent. */
  lookUp?: (name: string) => Promise<LookupAddress[]>;
}

/** A `fetch` for GET without redirects. @throws EngineError forbidden when the URL leads to an address that is not admitted. */
export function createGuardedFetch(options: GuardedFetchOptions): typeof fetch {
  const lookUp = options.lookUp ?? (name => lookUpName(name, { all: true }));
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const addresses = await resolve(url, lookUp);
    const refused = addresses.find(({ address }) => !options.isAdmitted(address));
    if (refused !== undefined || addresses.length === 0) throw notAdmitted(url, refused?.address);
    return send(url, addresses, init);
  };
}

async function resolve(
  url: URL,
  lookUp: (name: string) => Promise<LookupAddress[]>,
): Promise<LookupAddress[]> {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(name);
  if (family !== 0) return [{ address: name, family }];
  try {
    return await lookUp(name);
  } catch (cause) {
    // As `fetch` has it: whatever the network does is a TypeError with a cause.
    throw new TypeError("fetch failed", { cause });
  }
}

function notAdmitted(url: URL, address: string | undefined): EngineError {
  const where = address === undefined ? "no address" : `the address ${address}`;
  return new EngineError(
    "forbidden",
    `${url.host} leads to ${where}, which is not of the public internet.`,
    {
      field: "source",
      remedy: "Name a `source` on a public server, or put the weights on a volume and use pvc://.",
    },
  );
}

function send(
  url: URL,
  addresses: readonly LookupAddress[],
  init: RequestInit | undefined,
): Promise<Response> {
  const pinned: LookupFunction = (_name, options, done) => {
    const [first] = addresses;
    if (options.all) done(null, [...addresses]);
    else done(null, first?.address ?? "", first?.family);
  };
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  const headers = Object.fromEntries(new Headers(init?.headers));
  const signal = init?.signal ?? undefined;
  return new Promise((resolve, reject) => {
    // No agent: a kept connection would be one to an address of another look-up.
    const call = request(url, { headers, lookup: pinned, agent: false, signal });
    call.on("response", reply => {
      const { statusCode = 0 } = reply;
      const isEmpty = [204, 205, 304].includes(statusCode);
      const body = isEmpty ? null : (Readable.toWeb(reply) as ReadableStream<Uint8Array>);
      if (isEmpty) reply.resume();
      resolve(new Response(body, { status: statusCode, headers: toHeaders(reply.rawHeaders) }));
    });
    call.on("error", cause => {
      if (signal?.aborted) reject(signal.reason);
      else reject(new TypeError("fetch failed", { cause }));
    });
    call.end();
  });
}

function toHeaders(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at] ?? "", raw[at + 1] ?? "");
  return headers;
}
