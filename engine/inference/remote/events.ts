/** Server-sent events from bytes: the data of each, bounded. */
import { EngineError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";

/** Comments and fields besides `data` say nothing here. @throws EngineError internal when an event is too large */
export async function* readEvents(
  chunks: AsyncGenerator<Buffer>,
  from: string,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let data: string[] = [];
  let held = 0;
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    if (held + rest.length > limits.workerEventBytesMax) throw tooLarge(from);
    let start = 0;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", start)) {
      const line = rest.slice(start, rest[end - 1] === "\r" ? end - 1 : end);
      start = end + 1;
      if (line.startsWith("data:")) {
        data.push(line.slice(line[5] === " " ? 6 : 5));
        held += line.length;
      }
      if (line !== "" || data.length === 0) continue;
      yield data.join("\n");
      data = [];
      held = 0;
    }
    rest = rest.slice(start);
  }
}

function tooLarge(from: string): EngineError {
  const megabytes = limits.workerEventBytesMax / 1024 / 1024;
  return new EngineError(
    "internal",
    `An event of the worker at ${from} is larger than ${megabytes} MiB.`,
  );
}
