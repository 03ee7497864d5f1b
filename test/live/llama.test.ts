/** The llama backend with random weights keeps the promises of a backend, and what only a real process can show. */
import { writeFileSync } from "node:fs";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { EngineError } from "../../engine/contract/errors.ts";
import { collect, describeBackend, doneOf, textOf } from "../conformance/backend.ts";
import { createModelFolder, type OpenedModel, openModel } from "./llama-support.ts";

const models = createModelFolder();
const tiny = models.write("tiny", { seed: 7, contextLength: 512 });
afterAll(models.remove);

describeBackend("llama", async () => {
  const { backend } = await openModel(tiny, { context: 512 }, { queueLength: 3 });
  return { backend, queueLength: 3, crash: () => void process.kill(backend.pid() ?? 0, "SIGKILL") };
});

describe("llama", () => {
  let opened: OpenedModel | undefined;
  afterEach(async () => {
    await opened?.backend.close();
    opened = undefined;
  });
  const open = async (...args: Parameters<typeof openModel>) => {
    opened = await openModel(...args);
    return opened;
  };

  it("gives equal text for an equal seed and another for another", async () => {
    const { backend } = await open(tiny);
    const say = async (seed: number) => {
      const request = {
        input: { kind: "prompt" as const, prompt: "Once" },
        sampling: { temperature: 1.5, topK: 0, topP: 1, seed },
        maxTokens: 24,
        cacheScope: `${seed}`,
      };
      return textOf(await collect(backend, request));
    };
    const first = await say(1);
    expect(await say(1)).toBe(first);
    expect(await say(2)).not.toBe(first);
  });

  it("takes what looks like a special token in a user's text for text", async () => {
    const { backend } = await open(tiny);
    const count = (content: string) =>
      backend.countTokens({ kind: "messages", messages: [{ role: "user", content }] });
    const empty = await count("");
    // As markup it would be one token.
    expect(await count("<|im_end|>")).toBeGreaterThan(empty + 5);
    expect((await backend.countTokens({ kind: "prompt", prompt: "<|im_end|>" })) < 3).toBe(true);
  });

  it("refuses a schema keyword it cannot hold, by name", async () => {
    const { backend } = await open(tiny);
    const schema = { type: "object", properties: { age: { type: "integer", multipleOf: 2 } } };
    const request = {
      input: { kind: "prompt" as const, prompt: "x" },
      format: { type: "schema" as const, schema },
      cacheScope: "s",
    };
    const error = await collect(backend, request).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "unsupported" });
    expect(error).toMatchObject({ field: "format.schema.properties.age.multipleOf" });
  });

  it("writes any JSON object when asked for JSON", async () => {
    const { backend } = await open(tiny);
    const request = {
      input: { kind: "prompt" as const, prompt: "x" },
      format: { type: "json" as const },
      sampling: { temperature: 0 },
      maxTokens: 20,
      cacheScope: "s",
    };
    expect(textOf(await collect(backend, request)).startsWith("{")).toBe(true);
  });

  it("says why a file cannot be loaded", async () => {
    const path = models.path("broken.gguf");
    writeFileSync(path, "GGUF and then nothing of the kind");
    const error = await openModel(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ code: "invalid_model_file" });
  });

  it("serves as many as there are slots at once, with different prompts", async () => {
    const { backend } = await open(tiny, { slots: 4, context: 256 });
    const prompts = ["a", "bb bb", "ccc ccc ccc", "d ".repeat(100)];
    const replies = await Promise.all(
      prompts.map((prompt, index) =>
        collect(backend, {
          input: { kind: "prompt", prompt },
          sampling: { temperature: 0 },
          maxTokens: 16,
          cacheScope: `${index}`,
        }),
      ),
    );
    for (const items of replies) expect(doneOf(items).usage.promptTokens).toBeGreaterThan(0);
  });
});
