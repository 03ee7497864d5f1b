/** /api/pull: a client's own model from a source that this engine knows, with Ollama's progress lines. */
import { createHash } from "node:crypto";
import { EngineError } from "../../contract/errors.ts";
import { ModelSpec, type ModelStatus } from "../../contract/model.ts";
import { parseSource } from "../../contract/source.ts";
import { parseValue, readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { findModel } from "../models.ts";
import { json, line, ndjson, stream } from "../reply.ts";
import { renderErrorLine } from "./framing.ts";
import { NamedRequest } from "./schemas.ts";

export async function pull(engine: Engine, call: Call): Promise<Response> {
  const request = await readBody(call, NamedRequest);
  const { spec, owner, isNew } = planPull(engine, call, request.model);
  const applied = engine.models.apply(spec, owner, call.signal);
  const forget = () => (isNew ? engine.models.remove(spec.name, owner) : undefined);
  const statuses = refuseFailed(applied, forget)[Symbol.asyncIterator]();
  // The first status stands for the refusals that still deserve a status code.
  const first = await statuses.next();
  const all = rejoin(first, statuses);
  if (request.stream === false) {
    for await (const _ of all);
    return json({ status: "success" });
  }
  return stream(call, renderProgress(all), { contentType: ndjson, renderError: renderErrorLine });
}

type PulledModel = Pick<ModelStatus, "spec" | "owner"> & { isNew: boolean };

/** A served model is applied as it is; a source becomes a model of the client. */
function planPull(engine: Engine, call: Call, wanted: string): PulledModel {
  const known = engine.models.find(wanted);
  if (known !== undefined) return { ...findModel(engine, call.caller, wanted), isNew: false };
  checkSource(wanted);
  const name = chooseName(wanted, candidate => engine.models.find(candidate) !== undefined);
  const spec = parseValue(ModelSpec, { name, source: wanted, required: false });
  return { spec, owner: "client", isNew: true };
}

/** @throws EngineError model_not_found: what Ollama's registry holds cannot be had by its name here */
function checkSource(wanted: string): void {
  try {
    parseSource(wanted);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const [, scheme] = /^([a-z]+):/.exec(wanted) ?? [];
    const isUri = ["bundled", "file", "http", "https", "hf"].includes(scheme ?? "");
    const message = isUri
      ? error.message
      : `model '${wanted.slice(0, 200)}' not found: models are pulled by their source here.`;
    const details = { field: "model", remedy: error.remedy };
    throw new EngineError(isUri ? "invalid_request" : "model_not_found", message, details);
  }
}

/** A DNS label from the source's last part; digits of its digest when another model has the name. */
export function chooseName(source: string, isTaken: (name: string) => boolean): string {
  const path = source.replace(/^[a-z]+:/, "").replace(/(@|\?|#)[^/]*$/, "");
  const last = path.split("/").at(-1) ?? "";
  const label = toLabel(decode(last).replace(/\.gguf$/i, ""), 63) || "model";
  if (!isTaken(label)) return label;
  const digest = createHash("sha256").update(source).digest("hex").slice(0, 8);
  return `${toLabel(label, 54)}-${digest}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function toLabel(text: string, length: number): string {
  const dashed = text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return dashed.replace(/^-+/, "").slice(0, length).replace(/-+$/, "");
}

async function* rejoin(
  first: IteratorResult<ModelStatus>,
  rest: AsyncIterator<ModelStatus>,
): AsyncGenerator<ModelStatus> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

async function* renderProgress(statuses: AsyncIterable<ModelStatus>): AsyncGenerator<string> {
  yield line({ status: "pulling manifest" });
  let said = "";
  for await (const status of statuses) {
    const text = line(toProgress(status));
    if (text !== said) yield text;
    said = text;
  }
  yield line({ status: "success" });
}

function toProgress({ state, progress, file, spec }: ModelStatus) {
  if (state === "loading" || state === "ready" || state === "unloaded")
    return {
      status: "verifying sha256 digest",
      ...(file ? { digest: `sha256:${file.sha256}` } : {}),
    };
  if (progress === undefined) return { status: `pulling ${spec.name}` };
  const { completedBytes, totalBytes } = progress;
  return {
    status: `pulling ${spec.name}`,
    ...(spec.sha256 === undefined ? {} : { digest: `sha256:${spec.sha256}` }),
    completed: completedBytes,
    ...(totalBytes === undefined ? {} : { total: totalBytes }),
  };
}

/** A pull that failed leaves no model behind, only what it has downloaded, for the next one to go on from. */
async function* refuseFailed(
  statuses: AsyncIterable<ModelStatus>,
  forget: () => Promise<void> | undefined,
): AsyncGenerator<ModelStatus> {
  for await (const status of statuses) {
    if (status.state === "failed" && status.error !== undefined) {
      // Another client may have removed it in the same moment.
      await forget()?.catch(() => undefined);
      const { message, remedy } = status.error;
      throw new EngineError("invalid_model_file", message, { remedy });
    }
    yield status;
  }
}
