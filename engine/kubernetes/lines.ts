/** Lines of a byte stream, each bounded. */
import { StringDecoder } from "node:string_decoder";
import { EngineError } from "../contract/errors.ts";

/** Ends with the stream; a last line without its break counts too. @throws EngineError when a line is too long */
export async function* readLines(
  stream: AsyncIterable<Buffer>,
  charactersMax: number,
): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  // Pieces of a line that has not ended; joined once, so that long lines stay cheap.
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const parts = decoder.write(chunk).split("\n");
    for (const [index, part] of parts.entries()) {
      pieces.push(part);
      length += part.length;
      if (length > charactersMax)
        throw new EngineError("kubernetes_failed", `A line is longer than ${charactersMax}.`);
      if (index === parts.length - 1) continue;
      yield pieces.join("");
      pieces = [];
      length = 0;
    }
  }
  const rest = pieces.join("") + decoder.end();
  if (rest !== "") yield rest;
}
