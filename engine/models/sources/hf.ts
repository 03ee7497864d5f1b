/** `hf:owner/repo/file.gguf[@revision]`: weights from the Hugging Face hub or a mirror that speaks its routes. */
import { EngineError } from "../../contract/errors.ts";
import type { Source } from "../../contract/source.ts";
import type { Blobs } from "../blobs.ts";
import type { OpenRemote } from "../download.ts";
import { follow, type Hop, toReply } from "./redirects.ts";
import type { WeightSource } from "./source.ts";

type HuggingFace = Extract<Source, { scheme: "hf" }>;

export interface Hub {
  endpoint: string;
  token: string | undefined;
}

export function createHfSource(
  blobs: Blobs,
  call: typeof fetch,
  hub: Hub,
): WeightSource<HuggingFace> {
  return (source, request) => blobs.fetch(request, openHuggingFace(call, hub, source));
}

/** How the file of `source` is asked for. */
export function openHuggingFace(call: typeof fetch, hub: Hub, source: HuggingFace): OpenRemote {
  const secret: Record<string, string> =
    hub.token === undefined ? {} : { authorization: `Bearer ${hub.token}` };
  return async (headers, signal) => {
    const hops = await follow(call, toUrl(hub, source), headers, secret, signal);
    const response = toReply(hops, (status, host) => refused(source, status, host, hub));
    return { response, ...toPromise(hops) };
  };
}

function toUrl(hub: Hub, source: HuggingFace): string {
  const { owner, repository, revision, file } = source;
  const path = file.split("/").map(encodeURIComponent).join("/");
  const endpoint = hub.endpoint.replace(/\/+$/, "");
  return `${endpoint}/${owner}/${repository}/resolve/${encodeURIComponent(revision)}/${path}`;
}

/** What the hub says of a large file while it redirects to where the bytes are. */
function toPromise(hops: readonly Hop[]): {
  sha256: string | undefined;
  bytes: number | undefined;
} {
  const said = (name: string) =>
    hops.map(hop => hop.response.headers.get(name)).find(value => value !== null);
  const sha256 = /^(?:W\/)?"?([0-9a-f]{64})"?$/.exec(said("x-linked-etag") ?? "")?.[1];
  const bytes = /^\d{1,15}$/.exec(said("x-linked-size") ?? "")?.[0];
  return { sha256, bytes: bytes === undefined ? undefined : Number(bytes) };
}

function refused(source: HuggingFace, status: number, host: string, hub: Hub): EngineError {
  const repository = `${source.owner}/${source.repository}`;
  if (status === 401 || status === 403) return locked(repository, status, host, hub);
  const sentence =
    status === 404
      ? `${host} has no file ${source.file} in ${repository} at revision ${source.revision} (404).`
      : `${host} answered ${status} for ${source.file} in ${repository}.`;
  return new EngineError("source_unreachable", sentence, {
    field: "source",
    remedy: "Correct the model's `source`: hf:owner/repo/file.gguf[@revision].",
  });
}

function locked(repository: string, status: number, host: string, hub: Hub): EngineError {
  const page = `${hub.endpoint}/${repository}`;
  const remedy =
    hub.token === undefined
      ? `If it is gated, accept its terms at ${page} and set HF_TOKEN where the engine is started (\`npm run down\`, then up); if not, correct the name.`
      : `Accept its terms at ${page} with the account of HF_TOKEN, or set the token of one that may read it.`;
  return new EngineError(
    "source_unreachable",
    `${host} does not give out ${repository} (${status}): it is private, gated, or does not exist.`,
    { field: "source", remedy },
  );
}
