/** Host and Origin: which names of this machine and which pages may speak to an engine that only this machine can reach. */
import { isLoopback } from "../contract/config.ts";
import { headers } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";

/** Pages of desktop programs; a web site cannot give itself such an origin. */
const desktopSchemes = ["app:", "file:", "tauri:", "vscode-webview:", "vscode-file:"];

/**
 * A page of a stranger can make a browser call 127.0.0.1 under the stranger's own name (DNS rebinding);
 * the Host header then gives it away.
 * @throws EngineError host_refused
 */
export function checkHost(request: Request, boundTo: string): void {
  if (!isLoopback(boundTo)) return;
  const host = request.headers.get("host") ?? new URL(request.url).host;
  if (isLocalName(toHostname(host))) return;
  throw new EngineError("host_refused", `The host "${host}" is none of this machine's own names.`);
}

/** Whether a page of this origin may read replies. @throws EngineError host_refused for a stranger's page */
export function checkOrigin(request: Request): string | undefined {
  const origin = request.headers.get("origin");
  if (origin === null) return undefined;
  if (isKnownOrigin(origin, request.headers.get("host"))) return origin;
  throw new EngineError("host_refused", `Pages of "${origin}" may not call this engine.`, {
    remedy: "Call it from a program, or from a page on localhost.",
  });
}

/** The answer to a browser's question before its request. */
export function answerPreflight(request: Request, origin: string): Response {
  const wanted = request.headers.get("access-control-request-headers") ?? "";
  return new Response(null, {
    status: 204,
    headers: {
      ...corsHeaders(origin),
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": /^[\w\-, ]{0,2000}$/.test(wanted) ? wanted : "content-type",
      "access-control-max-age": "600",
    },
  });
}

export function corsHeaders(origin: string): Record<string, string> {
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": `${headers.requestId}, ${headers.memoryUsed}, ${headers.conversation}`,
    vary: "Origin",
  };
}

function isKnownOrigin(origin: string, host: string | null): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (desktopSchemes.includes(url.protocol)) return true;
  if (url.protocol !== "http:" && url.protocol !== "https:") return false;
  return isLocalName(url.hostname) || url.host === host;
}

function isLocalName(name: string): boolean {
  const bare = name.replace(/^\[|\]$/g, "").toLowerCase();
  return isLoopback(bare) || bare.endsWith(".localhost");
}

function toHostname(host: string): string {
  return host.startsWith("[") ? host.replace(/\]:\d+$/, "]") : host.replace(/:\d+$/, "");
}
