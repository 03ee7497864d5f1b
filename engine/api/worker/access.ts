/** Who may speak to a worker: gateways that show its key, or everyone whom the network lets through when it has none. */
import { createHash, timingSafeEqual } from "node:crypto";
import { EngineError } from "../../contract/errors.ts";
import type { Authenticate } from "../access.ts";
import type { Caller } from "../call.ts";

/** A worker serves an installation's gateways, which have looked at their clients' keys. */
const gateway: Caller = {
  principal: { key: "gateway", tenant: "default", scopes: ["use", "admin"], subject: "gateway" },
  subjectIsFixed: true,
  limits: undefined,
};

/** Digests are compared, so that neither time nor length tells anything of the key. */
export function createWorkerAccess(key: string | undefined): Authenticate {
  const expected = key === undefined ? undefined : digest(key);
  return (request, _peer, access) => {
    if (access === "open" || expected === undefined) return gateway;
    const [, token = ""] =
      /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    if (timingSafeEqual(digest(token), expected)) return gateway;
    throw new EngineError("unauthorized", "This worker wants the key of its installation.", {
      remedy: "Give gateways and workers the same ECHORATOR_WORKER_KEY.",
    });
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
