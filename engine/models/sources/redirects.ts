/** HTTP requests whose redirects are followed by hand, so that a token stays with the host that it was given for. */
import { EngineError } from "../../contract/errors.ts";

export interface Hop {
  url: URL;
  response: Response;
}

const hopsMax = 8;

/** Whether only this machine can be behind the URL. */
const isLoopback = (url: URL) => ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);

/**
 * The replies from the first request to the one that is no redirect.
 * `secret` headers go to the first URL's origin only; the signal covers everything, bodies included.
 */
export async function follow(
  call: typeof fetch,
  start: string,
  headers: Record<string, string>,
  secret: Record<string, string>,
  signal: AbortSignal,
): Promise<Hop[]> {
  const hops: Hop[] = [];
  const first = new URL(start);
  let url = first;
  while (hops.length < hopsMax) {
    const own = url.origin === first.origin ? { ...headers, ...secret } : headers;
    const response = await call(url, { headers: own, redirect: "manual", signal });
    hops.push({ url, response });
    const next = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || next === null) return hops;
    await response.body?.cancel();
    url = toSafeUrl(next, url);
  }
  throw new EngineError("source_unreachable", `${start} redirects more than ${hopsMax} times.`);
}

function toSafeUrl(location: string, from: URL): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url?.origin === from.origin) return url;
  const isAllowed = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url));
  if (url !== undefined && isAllowed && (isLoopback(from) || !isLoopback(url))) return url;
  throw new EngineError(
    "source_unreachable",
    `${from.origin} redirects to ${url?.origin ?? "no URL"}, which is not followed: from the network only https to the network is.`,
    { remedy: "Name the final https URL as the model's `source`." },
  );
}

/** The last reply, when it is one that a download goes on with; anything else is refused in a sentence by `explain`. */
export function toReply(
  hops: readonly Hop[],
  explain: (status: number, host: string) => EngineError,
): Response {
  const last = hops.at(-1);
  if (last === undefined) throw new Error("a request has at least one reply");
  const { status } = last.response;
  const isUsable = [200, 206, 304, 408, 416, 425, 429].includes(status) || status >= 500;
  if (isUsable) return last.response;
  last.response.body?.cancel().catch(() => undefined);
  throw explain(status, last.url.host);
}
