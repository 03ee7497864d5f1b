/** The inference process: opens one model and serves it over the channel to the engine, whose end is its end. */
import { EngineError } from "../../contract/errors.ts";
import { loadModel } from "./loaded-model.ts";
import { createModelService, type ModelService } from "./model-service.ts";
import type { FromChild, ToChild } from "./protocol.ts";

let service: ModelService | undefined;

// Native code may be in the middle of a batch; nothing here is worth waiting for.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
// The engine decides when its children end: a Ctrl-C in the terminal reaches them as well.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => {});

process.on("message", message => {
  const received = message as ToChild;
  if (received.type === "open") void open(received);
  else service?.handle(received);
});

async function open(message: ToChild & { type: "open" }): Promise<void> {
  try {
    const model = await loadModel(message.settings);
    service = createModelService(model, send);
    send({ type: "ready", facts: model.facts });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const shown =
      error instanceof EngineError
        ? error
        : new EngineError("internal", `The model could not be loaded: ${reason}`);
    send({ type: "failed", error: shown.toJSON() });
  }
}

function send(message: FromChild): void {
  if (process.connected) process.send?.(message);
}
