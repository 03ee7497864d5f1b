/** `https://host/file.gguf`: weights from any web server, kept by their digest. */
import { EngineError } from "../../contract/errors.ts";
import type { Source } from "../../contract/source.ts";
import type { Blobs } from "../blobs.ts";
import type { OpenRemote } from "../download.ts";
import { follow, toReply } from "./redirects.ts";
import type { WeightSource } from "./source.ts";

type Https = Extract<Source, { scheme: "https" }>;

export function createHttpsSource(blobs: Blobs, call: typeof fetch): WeightSource<Https> {
  return ({ url }, request) => blobs.fetch(request, openUrl(call, url));
}

/** How the file at `url` is asked for; `secret` headers go to its own origin only. */
export function openUrl(
  call: typeof fetch,
  url: string,
  secret: Record<string, string> = {},
): OpenRemote {
  return async (headers, signal) => {
    const hops = await follow(call, url, headers, secret, signal);
    const response = toReply(hops, (status, host) => refused(url, status, host));
    return { response, sha256: undefined, bytes: undefined };
  };
}

function refused(url: string, status: number, host: string): EngineError {
  if (status === 401 || status === 403)
    return new EngineError("source_unreachable", `${host} does not give out ${url} (${status}).`, {
      field: "source",
      remedy: "Name a URL that needs no key, or fetch the file yourself and name it as file:///….",
    });
  const what = status === 404 || status === 410 ? "there is no such file" : "that is no file";
  return new EngineError("source_unreachable", `${host} answered ${status} for ${url}: ${what}.`, {
    field: "source",
    remedy: "Correct the model's `source`.",
  });
}
