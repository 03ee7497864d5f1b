/** Ollama's options, keep_alive, and the names that pulled models get. */
import { describe, expect, test } from "vitest";
import { parseKeepAlive } from "../../../../engine/api/ollama/framing.ts";
import { parseOptions } from "../../../../engine/api/ollama/options.ts";
import { chooseName } from "../../../../engine/api/ollama/pull.ts";
import { createLog } from "../../../../engine/telemetry/log.ts";

function parse(options: Record<string, unknown>) {
  const lines: string[] = [];
  const log = createLog({
    level: "info",
    format: "json",
    clock: { now: () => 0 },
    write: line => lines.push(line),
  });
  return { parsed: parseOptions(options, log), lines };
}

describe("options", () => {
  test("those with a meaning are mapped", () => {
    const { parsed, lines } = parse({
      temperature: 0,
      top_k: 5,
      top_p: 0.5,
      min_p: 0.1,
      seed: 42,
      repeat_penalty: 1.1,
      repeat_last_n: 10,
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      num_predict: 7,
      stop: ["END"],
    });
    expect(parsed).toEqual({
      sampling: {
        temperature: 0,
        topK: 5,
        topP: 0.5,
        minP: 0.1,
        seed: 42,
        repeatPenalty: 1.1,
        repeatLastTokens: 10,
        presencePenalty: 0.5,
        frequencyPenalty: -0.5,
      },
      stop: ["END"],
      maxTokens: 7,
    });
    expect(lines).toEqual([]);
  });

  test("what means nothing here is said in the log and ignored", () => {
    const { parsed, lines } = parse({ num_ctx: 8192, mirostat: 1, __proto__x: 1 });
    expect(parsed.sampling).toEqual({});
    expect(lines.map(line => JSON.parse(line).option)).toEqual([
      "num_ctx",
      "mirostat",
      "__proto__x",
    ]);
  });

  test.each([{ seed: -1 }, { num_predict: -1 }, { num_predict: -2 }, { num_predict: 0 }])(
    "%j is as good as nothing",
    options => {
      expect(parse(options).parsed).toEqual({
        sampling: {},
        stop: undefined,
        maxTokens: undefined,
      });
    },
  );

  test.each([
    [{ temperature: "hot" }, 'option "temperature" must be of type float32'],
    [{ top_k: 1.5 }, 'option "top_k" must be of type integer'],
    [{ seed: "1" }, 'option "seed" must be of type integer'],
    [{ stop: "END" }, 'option "stop" must be of type array of strings'],
    [{ top_p: 2 }, 'option "top_p" must be from 0 to 1'],
    [{ repeat_penalty: 0 }, 'option "repeat_penalty" must be from 0.01 to 100'],
    [{ stop: [""] }, "options.stop"],
    [{ stop: Array.from({ length: 17 }, () => "x") }, "options.stop"],
  ])("%j is refused", (options, message) => {
    expect(() => parse(options)).toThrow(message);
  });
});

describe("keep_alive", () => {
  test.each([
    [undefined, undefined],
    [0, 0],
    ["0", 0],
    [300, 300_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1.5s", 1_500],
    ["250ms", 250],
    [-1, Infinity],
    ["-1", Infinity],
    ["-1m", Infinity],
  ])("%j is %j ms", (value, ms) => {
    expect(parseKeepAlive(value)).toBe(ms);
  });

  test.each(["soon", "5 m", "m", "5mm", "NaN"])("%j is refused", value => {
    expect(() => parseKeepAlive(value)).toThrow(/keep_alive/);
  });
});

describe("names of pulled models", () => {
  const free = () => false;
  test.each([
    ["file:///home/me/Some%20Model.Q4_K.gguf", "some-model-q4-k"],
    ["hf:owner/repo/folder/tiny.GGUF@v1", "tiny"],
    ["https://host.example/a/b.gguf?download=true", "b"],
    ["bundled:echo-tiny", "echo-tiny"],
    ["file:///x/---.gguf", "model"],
  ])("%s becomes %s", (source, name) => {
    expect(chooseName(source, free)).toBe(name);
  });

  test("a taken name gets digits of the source, and stays a DNS label", () => {
    const name = chooseName(`file:///${"long-".repeat(30)}.gguf`, () => true);
    expect(name).toMatch(/^[a-z0-9-]{1,54}-[0-9a-f]{8}$/);
  });
});
