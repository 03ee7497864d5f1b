/** Where weights come from: the grammar of `source` URIs. */
import { EngineError } from "./errors.ts";

export type Source =
  | { scheme: "bundled"; name: string }
  | { scheme: "file"; path: string }
  | { scheme: "https"; url: string }
  /** A volume claim of the model's namespace; only a cluster has them. */
  | { scheme: "pvc"; claim: string; path: string }
  /** An OpenAI-compatible server that serves the model already: nothing is fetched or loaded. */
  | { scheme: "openai"; url: string; model: string }
  | { scheme: "hf"; owner: string; repository: string; file: string; revision: string };

export type SourceScheme = Source["scheme"];

/** Of weights that an engine itself brings to its disk. */
export type FileScheme = Exclude<SourceScheme, "pvc" | "openai">;

/** Schemes of the design that later parts of the project add; named so that the error can say so. */
const plannedSchemes = ["ollama", "oci", "s3"];

const example =
  "bundled:echo-tiny, file:///path/model.gguf, https://host/model.gguf, hf:owner/repo/file.gguf[@revision], " +
  "pvc://claim/path/model.gguf or openai:https://host/v1#model";

/**
 * Reads a source URI.
 * `http://` is taken for loopback hosts only, where no one can sit in between.
 * @throws EngineError invalid_config with what would be right.
 */
export function parseSource(uri: string): Source {
  const colon = uri.indexOf(":");
  const scheme = colon < 0 ? "" : uri.slice(0, colon);
  const rest = uri.slice(colon + 1);
  switch (scheme) {
    case "bundled":
      if (/^[a-z0-9][a-z0-9-]*$/.test(rest)) return { scheme, name: rest };
      throw wrong(uri, "`bundled:` wants the name of a model in the package");
    case "file":
      return parseFile(uri);
    case "http":
    case "https":
      return parseUrl(uri);
    case "hf":
      return parseHuggingFace(uri, rest);
    case "pvc":
      return parseClaim(uri, rest);
    case "openai":
      return parseServer(uri, rest);
    default:
      if (plannedSchemes.includes(scheme)) throw wrong(uri, `\`${scheme}:\` is not served yet`);
      throw wrong(uri, "it has no known scheme");
  }
}

function parseFile(uri: string): Source {
  const url = toUrl(uri);
  if (!uri.startsWith("file:///") || url === undefined || url.pathname.length < 2)
    throw wrong(uri, "`file:` wants an absolute path after three slashes");
  return { scheme: "file", path: decode(uri, url.pathname) };
}

function parseUrl(uri: string): Source {
  const url = toUrl(uri);
  if (url === undefined) throw wrong(uri, "it is no URL");
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url.protocol === "http:" && !loopback)
    throw wrong(uri, "plain http is taken from this machine only; use https");
  if (url.username !== "" || url.password !== "")
    throw wrong(uri.replace(/\/\/[^@]*@/, "//…@"), "credentials do not belong into a source");
  return { scheme: "https", url: uri };
}

function parseHuggingFace(uri: string, rest: string): Source {
  const match = /^([\w.-]+)\/([\w.-]+)\/((?:[\w.+ -]+\/)*[\w.+ -]+\.gguf)(?:@([\w./-]+))?$/i.exec(
    rest,
  );
  const [, owner, repository, file, revision = "main"] = match ?? [];
  if (!owner || !repository || !file || `${rest}/`.includes("../"))
    throw wrong(uri, "`hf:` wants owner/repo/file.gguf, with @revision if need be");
  return { scheme: "hf", owner, repository, file, revision };
}

function parseClaim(uri: string, rest: string): Source {
  const [, claim, path] =
    /^\/\/([a-z0-9]([-a-z0-9.]*[a-z0-9])?)\/(.+\.gguf)$/i.exec(rest)?.filter((_, at) => at !== 2) ??
    [];
  if (!claim || !path || `/${path}/`.includes("/../"))
    throw wrong(uri, "`pvc:` wants a claim and the path of a GGUF file in it");
  return { scheme: "pvc", claim, path };
}

function parseServer(uri: string, rest: string): Source {
  const url = toUrl(rest);
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hash.length < 2)
    throw wrong(uri, "`openai:` wants the server's base URL, `#` and the model's name there");
  if (url.username !== "" || url.password !== "")
    throw wrong(uri.replace(/\/\/[^@]*@/, "//…@"), "credentials do not belong into a source");
  const model = decode(uri, url.hash.slice(1));
  url.hash = "";
  return { scheme: "openai", url: url.href.replace(/\/$/, ""), model };
}

/** URLs let through a percent sign that begins nothing. */
function decode(uri: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(uri, "a `%` in it is not followed by two hexadecimal digits of UTF-8; write %25");
  }
}

function toUrl(uri: string): URL | undefined {
  return URL.canParse(uri) ? new URL(uri) : undefined;
}

function wrong(uri: string, why: string): EngineError {
  return new EngineError("invalid_config", `source "${uri}": ${why}.`, {
    field: "source",
    remedy: `Write ${example}.`,
  });
}
