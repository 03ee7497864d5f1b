/** Models at run time: put, get, list and delete, with every change of state as a line. */
import { type ModelOwner, ModelSpec, type ModelStatus } from "../../contract/model.ts";
import { readBody } from "../body.ts";
import type { Call, Engine } from "../call.ts";
import { toEngineError } from "../errors.ts";
import { wrong } from "../fields.ts";
import { findModel } from "../models.ts";
import { json, line, ndjson, stream } from "../reply.ts";

/** Idempotent; the last line is the model as wanted, or `{"error": …}`. */
export async function putModel(engine: Engine, call: Call): Promise<Response> {
  const spec = await readBody(call, ModelSpec);
  const name = call.params.name ?? "";
  if (spec.name !== name) throw wrong("name", `the path says "${name}"`);
  const owner = readOwner(call);
  const changes = applyToTheEnd(engine, call, spec, owner);
  // What is refused before anything is done has a status of its own.
  const first = await changes.next();
  return stream(call, renderStatuses(first, changes), {
    contentType: ndjson,
    renderError: error => line({ error: error.toJSON() }),
  });
}

/** A client that goes away does not take back what it has asked for: the work goes on unseen. */
async function* applyToTheEnd(
  engine: Engine,
  call: Call,
  spec: ModelSpec,
  owner: ModelOwner,
): AsyncGenerator<ModelStatus> {
  const never = new AbortController().signal;
  const changes = engine.models.apply(spec, owner, never)[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await changes.next();
      ended = next.done === true;
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    if (!ended) void drain(changes, call);
  }
}

async function drain(changes: AsyncIterator<ModelStatus>, call: Call): Promise<void> {
  try {
    while (!(await changes.next()).done);
  } catch (thrown) {
    const error = toEngineError(thrown, call.log);
    call.log.warn("a model could not be applied", { code: error.code, error: error.message });
  }
}

async function* renderStatuses(
  first: IteratorResult<ModelStatus>,
  rest: AsyncGenerator<ModelStatus>,
): AsyncGenerator<string> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield line(next.value);
  } finally {
    await rest.return(undefined);
  }
}

export function listStatuses(engine: Engine): Response {
  return json({ data: engine.models.list() });
}

export function showStatus(engine: Engine, call: Call): Response {
  return json(findModel(engine, call.caller, call.params.name ?? ""));
}

export async function deleteModel(engine: Engine, call: Call): Promise<Response> {
  const { spec } = findModel(engine, call.caller, call.params.name ?? "");
  await engine.models.remove(spec.name, readOwner(call));
  return json({ name: spec.name, deleted: true });
}

function readOwner(call: Call): ModelOwner {
  const owner = call.url.searchParams.get("owner") ?? "client";
  if (owner === "stack" || owner === "client") return owner;
  throw wrong("owner", "it is stack or client");
}
