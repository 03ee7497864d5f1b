/** From a key to a principal: who asks, in whose tenant, for which subject. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type EngineConfig, isLoopback, type KeySpec } from "../contract/config.ts";
import { headers } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Access, Caller } from "./call.ts";

export interface AccessOptions {
  config: () => EngineConfig;
  /** SHA-256 of the home's generated admin key. */
  adminKeySha256: string;
}

export interface Peer {
  /** Empty when unknown: then it is nobody of this machine. */
  address: string;
}

export type Authenticate = (request: Request, peer: Peer, access: Access) => Caller;

/** Who has no key of his own: this machine's user, or anyone where `auth: none` says so. */
const local = { name: "local", tenant: "default", scopes: ["use"] } as const;
const homeAdmin = { name: "admin", tenant: "default", scopes: ["use", "admin"] } as const;
type KnownKey = Pick<KeySpec, "name" | "tenant" | "subject" | "limits" | "scopes">;

export function createAccess({ config, adminKeySha256 }: AccessOptions): Authenticate {
  return (request, peer, access) => {
    if (access === "open") return toCaller(keyOf(local), request);
    const token = readToken(request);
    const key = token === undefined ? undefined : findKey(token, config().keys, adminKeySha256);
    const known = key ?? keyOfPeer(config(), peer);
    if (known === undefined) throw unauthorized(token !== undefined);
    if (!known.scopes.includes(access)) throw outOfScope(access, key !== undefined);
    return toCaller(known, request);
  };
}

function keyOf(fixed: typeof local | typeof homeAdmin): KnownKey {
  return { ...fixed, scopes: [...fixed.scopes] };
}

/** Every key is compared, whichever fits, so that time tells nothing. */
function findKey(token: string, keys: KeySpec[], adminKeySha256: string): KnownKey | undefined {
  const digest = createHash("sha256").update(token).digest();
  const fits = (sha256: string) => timingSafeEqual(digest, Buffer.from(sha256, "hex"));
  const candidates = [...keys, { ...keyOf(homeAdmin), sha256: adminKeySha256 }];
  return candidates.filter(key => fits(key.sha256))[0];
}

function keyOfPeer(config: EngineConfig, peer: Peer): KnownKey | undefined {
  if (config.auth === "none") return keyOf(local);
  const address = peer.address.replace(/^::ffff:/, "");
  return config.keys.length === 0 && isLoopback(address) ? keyOf(local) : undefined;
}

function readToken(request: Request): string | undefined {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  return bearer ?? request.headers.get("x-api-key") ?? undefined;
}

function unauthorized(sent: boolean): EngineError {
  const message = sent ? "The key is not known here." : "This engine wants a key.";
  return new EngineError("unauthorized", message);
}

function outOfScope(access: Access, hasKey: boolean): EngineError {
  if (hasKey) return new EngineError("forbidden", `This needs a key with the scope "${access}".`);
  return new EngineError("unauthorized", `This needs a key with the scope "${access}".`, {
    remedy: "Send the key in the file admin.key of the home folder as `Authorization: Bearer …`.",
  });
}

function toCaller(key: KnownKey, request: Request): Caller {
  const own = `key:${key.name}`;
  const given = readSubject(request, own);
  const subject = key.subject ?? given ?? own;
  const { name, tenant, scopes } = key;
  return {
    principal: { key: name, tenant, scopes, subject },
    subjectIsFixed: key.subject !== undefined || given !== undefined,
    limits: key.limits,
  };
}

function readSubject(request: Request, own: string): string | undefined {
  const value = request.headers.get(headers.subject);
  return value === null ? undefined : checkSubject(value, headers.subject, own);
}

/** For whom a body's `user` asks, unless key or header have said so. */
export function withUser(caller: Caller, user: string | undefined): Caller {
  if (caller.subjectIsFixed || user === undefined || user === "") return caller;
  const subject = checkSubject(user, "user", `key:${caller.principal.key}`);
  return { ...caller, principal: { ...caller.principal, subject }, subjectIsFixed: true };
}

function checkSubject(value: string, field: string, own: string): string {
  const fits = value.length > 0 && value.length <= limits.subjectCharactersMax;
  if (!fits || /\p{Cc}/u.test(value))
    throw new EngineError(
      "invalid_request",
      `${field}: a subject has 1 to ${limits.subjectCharactersMax} printable characters`,
      { field },
    );
  // What a key remembers for itself is not for the end users of another key of the tenant.
  if (value.startsWith("key:") && value !== own)
    throw new EngineError("invalid_request", `${field}: subjects with "key:" belong to the keys`, {
      field,
    });
  return value;
}
