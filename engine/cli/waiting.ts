/** Waiting for a model with its progress on one line. */
import { EngineError } from "../contract/errors.ts";
import type { Invocation } from "./command.ts";
import { createStatusLine, renderProgress } from "./output.ts";
import type { Place, PlacedModel } from "./place.ts";

const defaultWaitMs = 600_000;

/** `90s`, `10m`, `1h`, or a number of seconds; in ms. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? "s"] ?? 1_000;
  const ms = Number(match?.[1]) * unit;
  if (match !== null && ms <= 24 * 3_600_000) return ms;
  throw new EngineError("invalid_request", `"${text}" is no length of time.`, {
    field: "timeout",
    remedy: "Write 90s, 10m or 1h.",
  });
}

export function readTimeout({ options }: Invocation): number {
  return typeof options.timeout === "string" ? parseDuration(options.timeout) : defaultWaitMs;
}

/** @throws EngineError model_not_ready with what doctor would look at, when it stalls or the time is over */
export async function untilReady(
  invocation: Invocation,
  place: Place,
  name: string,
): Promise<PlacedModel> {
  const line = createStatusLine(invocation.streams);
  const limit = AbortSignal.timeout(readTimeout(invocation));
  const signal = AbortSignal.any([invocation.signal, limit]);
  let last: PlacedModel | undefined;
  try {
    for await (const model of place.watch(name, signal)) {
      last = model;
      line.show(renderState(model));
      if (model.isReady) return model;
      if (model.isStalled) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    line.end();
  }
  if (invocation.signal.aborted) throw new EngineError("cancelled", "Waiting was ended.");
  const why = last?.message ?? "it says nothing about why";
  const how = last?.isStalled === true ? "cannot become ready" : "is not ready yet";
  throw new EngineError("model_not_ready", `${name} ${how}: ${why}`, {
    remedy: `Run \`kollama doctor ${name}\`.`,
  });
}

export function renderState(model: PlacedModel): string {
  const { name, phase, progress, message, replicas } = model;
  if (progress !== undefined)
    return `${name}  ${phase}  ${renderProgress(progress.completedBytes, progress.totalBytes)}`;
  const count = replicas.wanted > 1 ? `  ${replicas.ready}/${replicas.wanted}` : "";
  return `${name}  ${phase}${count}${message === undefined ? "" : `  ${message}`}`;
}
