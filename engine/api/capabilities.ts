/** What a model can do: as its backend says when it is loaded, else as its header lets expect. */
import type { ModelStatus } from "../contract/model.ts";
import type { Engine } from "./call.ts";

export async function readCapabilities(
  engine: Engine,
  status: ModelStatus,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (status.state !== "ready") return expectCapabilities(status);
  using lease = await engine.models.acquire(status.spec.name, signal);
  return lease.backend.facts().capabilities;
}

function expectCapabilities({ file }: ModelStatus): string[] {
  const template = file?.facts.chatTemplate ?? "";
  return ["completion", ...(template.includes("tools") ? ["tools"] : [])];
}
