/** kollama key: makes keys; an engine keeps their digests only. */
import { createHash, randomBytes } from "node:crypto";
import type { KeySpec } from "../../contract/config.ts";
import { paths } from "../../contract/endpoints.ts";
import { EngineError } from "../../contract/errors.ts";
import type { Invocation, Verb } from "../command.ts";
import type { EngineClient } from "../engine-client.ts";
import { asList } from "../model-options.ts";
import { renderTable, show } from "../output.ts";

export const key: Verb = {
  name: "key",
  summary: "Make, list or revoke keys.",
  usage: "create NAME | list | revoke NAME",
  help: [
    "A key is shown once, when it is made; only its SHA-256 is kept. On an engine it holds until the restart:",
    "write the digest that `create` prints under `echorator:keys` to keep it.",
  ].join("\n"),
  options: {
    tenant: { type: "string", value: "NAME", help: "whose memory it opens (default)" },
    scope: { type: "string", multiple: true, value: "SCOPE", help: "use (default) or admin" },
    subject: { type: "string", value: "NAME", help: "fixes the end user of every request" },
  },
  completes: [["create", "list", "revoke"]],
  async run(invocation) {
    const [what = "list", name] = invocation.words;
    const client = await (await invocation.place()).engine();
    const keys = await readKeys(client);
    if (what === "list") return showKeys(invocation, keys);
    if (name === undefined || !["create", "revoke"].includes(what))
      throw new EngineError("invalid_request", "What of the keys?", {
        remedy: "Write kollama key create NAME, list or revoke NAME.",
      });
    return what === "create"
      ? await create(invocation, client, keys, name)
      : await revoke(invocation, client, name);
  },
};

/** As the engine shows a key: whoever administers knows it by its name. */
type KnownKey = Omit<KeySpec, "sha256">;

async function readKeys(client: EngineClient): Promise<KnownKey[]> {
  return (await client.json<{ keys: KnownKey[] }>("GET", paths.adminConfig)).keys;
}

function showKeys({ streams, format }: Invocation, keys: KnownKey[]): undefined {
  show(streams, format, keys, {
    human: rows =>
      renderTable(rows, [
        { title: "NAME", cell: row => row.name },
        { title: "TENANT", cell: row => row.tenant },
        { title: "SCOPES", cell: row => row.scopes.join(",") },
      ]),
    names: rows => rows.map(row => row.name),
  });
}

async function create(
  { streams, options, format }: Invocation,
  client: EngineClient,
  keys: KnownKey[],
  name: string,
): Promise<void> {
  if (keys.some(known => known.name === name))
    throw new EngineError("conflict", `There is a key "${name}" already.`, {
      remedy: "Revoke it first, or take another name.",
    });
  const secret = `echo-${randomBytes(32).toString("base64url")}`;
  const scopes = asList(options.scope);
  const spec = {
    name,
    tenant: typeof options.tenant === "string" ? options.tenant : "default",
    scopes: (scopes.length > 0 ? scopes : ["use"]) as KeySpec["scopes"],
    sha256: createHash("sha256").update(secret).digest("hex"),
    ...(typeof options.subject === "string" ? { subject: options.subject } : {}),
  };
  await client.json("PUT", `${paths.adminKeys}/${encodeURIComponent(name)}`, spec);
  const made = { ...spec, key: secret };
  show(streams, format, made, { human: ({ key: text }) => `${text}\n`, names: () => [name] });
  streams.tell(`The key is shown this once. Its digest: ${spec.sha256}\n`);
}

async function revoke({ streams }: Invocation, client: EngineClient, name: string): Promise<void> {
  await client.json("DELETE", `${paths.adminKeys}/${encodeURIComponent(name)}`);
  streams.out(`${name} is revoked\n`);
}
