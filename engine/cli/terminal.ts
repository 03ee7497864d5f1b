/** The streams of a process as kollama writes to them: colours and progress only where a person looks. */
import { createInterface } from "node:readline/promises";
import type { ReadStream, WriteStream } from "node:tty";
import type { Streams } from "./command.ts";

export interface TerminalOptions {
  input: NodeJS.ReadableStream & Partial<Pick<ReadStream, "isTTY">>;
  output: NodeJS.WritableStream & Partial<Pick<WriteStream, "isTTY">>;
  errors: NodeJS.WritableStream & Partial<Pick<WriteStream, "isTTY" | "columns">>;
  environment: Readonly<Record<string, string | undefined>>;
}

/** Standard input that is taken as a prompt or a file, at most. */
const inputBytesMax = 16 * 1024 * 1024;

export function createStreams({ input, output, errors, environment }: TerminalOptions): Streams {
  const isLive = errors.isTTY === true && environment.TERM !== "dumb" && !environment.CI;
  const colours = output.isTTY === true && !environment.NO_COLOR && environment.TERM !== "dumb";
  return {
    out: text => void output.write(text),
    tell: text => void errors.write(text),
    columns: isLive ? (errors.columns ?? 80) : undefined,
    colours,
    interactive: input.isTTY === true && output.isTTY === true,
    input: () => (input.isTTY === true ? undefined : readToEnd(input)),
    async ask(question, signal) {
      const reader = createInterface({ input, output: errors });
      try {
        // The end of input resolves nothing by itself.
        const ended = new Promise<undefined>(resolve =>
          reader.once("close", () => resolve(undefined)),
        );
        return await Promise.race([reader.question(question, { signal }), ended]);
      } finally {
        reader.close();
      }
    },
  };
}

async function readToEnd(input: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > inputBytesMax) throw new Error("standard input holds more than 16 MiB");
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString("utf8").trimEnd();
}
