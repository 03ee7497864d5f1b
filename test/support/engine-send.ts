/** Requests of kollama straight into an engine of the test's own process. */
import type { Send } from "../../engine/cli/engine-client.ts";
import type { TestEngine } from "./engine.ts";

export function sendTo(engine: TestEngine): Send {
  return async ({ method, path, headers, body }, signal) => {
    const init = { method, headers, signal, ...(body === undefined ? {} : { body }) };
    const response = await engine.ask(path, init);
    return { status: response.status, body: response.body ?? nothing() };
  };
}

async function* nothing(): AsyncIterable<Uint8Array> {}
