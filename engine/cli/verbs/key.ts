/** kollama key: makes keys; only their digests are kept anywhere. */
import { createHash, randomBytes } from "node:crypto";
import { KeySpec, toFieldProblems } from "../../contract/config.ts";
import { EngineError } from "../../contract/errors.ts";
import type { Invocation, Verb } from "../command.ts";
import { type KeyRing, openKeyRing } from "../keys/key-ring.ts";
import { asList } from "../model-options.ts";
import { renderTable, show } from "../output.ts";

export const key: Verb = {
  name: "key",
  summary: "Make, list or revoke keys.",
  usage: "create NAME | list | revoke NAME",
  help: [
    "A key is shown once, when it is made; only its SHA-256 is kept: on a cluster for all its gateways,",
    "in an engine until its restart. The first key of a cluster closes it for whoever has none.",
  ].join("\n"),
  options: {
    tenant: { type: "string", value: "NAME", help: "whose memory it opens (default)" },
    scope: { type: "string", multiple: true, value: "SCOPE", help: "use (default) or admin" },
    subject: { type: "string", value: "NAME", help: "fixes the end user of every request" },
  },
  completes: [["create", "list", "revoke"]],
  async run(invocation) {
    const [what = "list", name, ...more] = invocation.words;
    if (what === "list") return await showKeys(invocation, await openKeyRing(invocation));
    if (name === undefined || more.length > 0 || !["create", "revoke"].includes(what))
      throw new EngineError("invalid_request", "What of the keys?", {
        remedy: "Write kollama key create NAME, list or revoke NAME.",
      });
    const ring = await openKeyRing(invocation);
    return what === "create"
      ? await create(invocation, ring, name)
      : await revoke(invocation, ring, name);
  },
};

async function showKeys({ streams, format }: Invocation, ring: KeyRing): Promise<void> {
  show(streams, format, await ring.list(), {
    human: rows =>
      renderTable(rows, [
        { title: "NAME", cell: row => row.name },
        { title: "TENANT", cell: row => row.tenant },
        { title: "SCOPES", cell: row => row.scopes.join(",") },
        { title: "SUBJECT", cell: row => row.subject ?? "-" },
      ]),
    names: rows => rows.map(row => row.name),
  });
}

async function create(invocation: Invocation, ring: KeyRing, name: string): Promise<void> {
  const { streams, options, format } = invocation;
  const secret = `echo-${randomBytes(32).toString("base64url")}`;
  const scopes = asList(options.scope);
  const spec = checkKey({
    name,
    sha256: createHash("sha256").update(secret).digest("hex"),
    ...(typeof options.tenant === "string" ? { tenant: options.tenant } : {}),
    ...(scopes.length > 0 ? { scopes } : {}),
    ...(typeof options.subject === "string" ? { subject: options.subject } : {}),
  });
  const changes = await ring.add(spec);
  const made = { ...spec, key: secret };
  show(streams, format, made, { human: ({ key: text }) => `${text}\n`, names: () => [name] });
  streams.tell(`The key is shown this once. ${changes}\n`);
}

function checkKey(tree: unknown): KeySpec {
  const result = KeySpec.safeParse(tree);
  if (result.success) return result.data;
  const problems = toFieldProblems(result.error);
  const sentences = problems.map(({ field, message }) => `${field}: ${message}`).join("; ");
  throw new EngineError("invalid_request", `That is no key: ${sentences}.`, {
    remedy: "See kollama key --help.",
  });
}

async function revoke({ streams }: Invocation, ring: KeyRing, name: string): Promise<void> {
  const next = await ring.remove(name);
  streams.out(`${name} is revoked\n`);
  if (next !== undefined) streams.tell(`${next}\n`);
}
