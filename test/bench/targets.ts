/** What the load goes to: a model of our own engine's backend, or any OpenAI-compatible server. */
import { readFileSync, statSync } from "node:fs";
import { type ModelFile, ModelSpec } from "../../engine/contract/model.ts";
import type { Cores } from "../../engine/inference/cores.ts";
import { createLlamaBackend } from "../../engine/inference/llama/backend.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";

export interface Target {
  /** The tokens so far, with each part of the reply. */
  stream(prompt: string, tokens: number): AsyncIterable<{ tokens: number }>;
  /** CPU time of its inference process, all of it and its JavaScript thread's; undefined when unknown. */
  cpu(): { totalMs: number; javascriptMs: number } | undefined;
  close(): Promise<void>;
}

export async function openLocalTarget(name: string, path: string, cores: Cores): Promise<Target> {
  const log = createLog({
    level: "warn",
    format: "pretty",
    clock: systemClock,
    write: line => process.stderr.write(line),
  });
  const backend = await createLlamaBackend({
    spec: ModelSpec.parse({ name, source: `file://${path}`, slots: 8, context: 1_024 }),
    file: describeFile(path),
    cores,
    clock: systemClock,
    telemetry: { log, metrics: createMetrics() },
  });
  return {
    async *stream(prompt, tokens) {
      const messages = [{ role: "user" as const, content: prompt }];
      const input = { kind: "messages" as const, messages };
      // Loose sampling, because a trained model would otherwise soon come to an end.
      const sampling = { temperature: 1.5, topK: 0, topP: 1 };
      const request = { input, sampling, maxTokens: tokens, cacheScope: prompt };
      let parts = 0;
      for await (const item of backend.generate(request, new AbortController().signal)) {
        parts += 1;
        yield { tokens: item.type === "done" ? item.usage.completionTokens : parts };
      }
    },
    cpu: () => readCpu(backend.pid()),
    close: backend.close,
  };
}

/** The main thread of a Node process runs its JavaScript; ggml's threads and sampling run in the others. */
function readCpu(pid: number | undefined): { totalMs: number; javascriptMs: number } | undefined {
  try {
    return {
      totalMs: cpuOf(`/proc/${pid}/stat`),
      javascriptMs: cpuOf(`/proc/${pid}/task/${pid}/stat`),
    };
  } catch {
    return undefined;
  }
}

/** User and system time in milliseconds; Linux counts in hundredths of a second. */
function cpuOf(path: string): number {
  const text = readFileSync(path, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function describeFile(path: string): ModelFile {
  const facts = {
    architecture: "",
    name: "",
    parameters: 0,
    quantization: "",
    contextTrained: 0,
    embeddingLength: 0,
    blockCount: 0,
    vocabularySize: 0,
    license: undefined,
    chatTemplate: undefined,
  };
  const { size } = statSync(path);
  return { path, bytes: size, sha256: "0".repeat(64), modifiedMs: 0, facts };
}

export interface HttpTargetOptions {
  url: string;
  model: string;
  key: string | undefined;
}

export function createHttpTarget({ url, model, key }: HttpTargetOptions): Target {
  return {
    async *stream(prompt, tokens) {
      const response = await fetch(new URL("/v1/chat/completions", url), {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify({
          model,
          messages: [{ role: "user", content: prompt }],
          max_tokens: tokens,
          temperature: 1.5,
          top_p: 1,
          stream: true,
          stream_options: { include_usage: true },
        }),
      });
      if (!response.ok || response.body === null)
        throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
      yield* countTokens(response.body.pipeThrough(new TextDecoderStream()));
    },
    cpu: () => undefined,
    close: async () => {},
  };
}

/** Server-sent events: each part counts as a token until the server says how many there were. */
async function* countTokens(text: AsyncIterable<string>): AsyncGenerator<{ tokens: number }> {
  let rest = "";
  let parts = 0;
  for await (const piece of text) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!line.startsWith("data: {")) continue;
      const event = JSON.parse(line.slice("data: ".length)) as {
        choices?: { delta?: { content?: string } }[];
        usage?: { completion_tokens?: number };
      };
      if ((event.choices?.[0]?.delta?.content ?? "") !== "") parts += 1;
      yield { tokens: event.usage?.completion_tokens ?? parts };
    }
  }
}
