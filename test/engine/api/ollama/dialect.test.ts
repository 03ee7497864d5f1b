/** Ollama's dialect over the scripted model: framing, fields, errors. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readLines, startTestEngine, type TestEngine } from "../../../support/engine.ts";
import { runScenarios } from "../scenarios.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine({
    models: [{ name: "second", source: "bundled:tiny-model", aliases: ["llama3.2:1b"] }],
    contextTokens: 200,
  });
});
afterAll(() => engine.stop());

const hello = { model: "assistant", messages: [{ role: "user", content: "Hello there" }] };
const chat = (more: object = {}) => ({ body: { ...hello, stream: false, ...more } });

describe("plain routes", () => {
  runScenarios(
    () => engine,
    [
      { name: "something runs", path: "/", status: 200, contains: ["Ollama is running"] },
      { name: "on the other port too", path: "/", port: "ollama", status: 200 },
      { name: "HEAD has no body", path: "/", init: { method: "HEAD" }, status: 200 },
      { name: "version", path: "/api/version", status: 200, contains: ['"version":"0.'] },
      {
        name: "tags list every name",
        path: "/api/tags",
        port: "ollama",
        status: 200,
        contains: [
          '"name":"assistant:latest"',
          '"model":"second:latest"',
          '"name":"llama3.2:1b"',
          '"format":"gguf"',
          '"family":"llama"',
        ],
      },
      {
        name: "show has the facts of the header",
        path: "/api/show",
        init: { body: { model: "assistant" } },
        status: 200,
        contains: [
          '"general.architecture":"llama"',
          '"llama.context_length"',
          "capabilities",
          "im_start",
        ],
      },
      {
        name: "ps lists what is loaded",
        path: "/api/ps",
        status: 200,
        contains: ['"name":"assistant:latest"', '"size_vram":0', '"expires_at"'],
      },
      {
        name: "an unknown path",
        path: "/api/nothing",
        status: 404,
        contains: ['{"error":"There is'],
      },
      {
        name: "also on the port of Ollama",
        path: "/x",
        port: "ollama",
        status: 404,
        contains: ["error"],
      },
      {
        name: "a wrong method",
        path: "/api/chat",
        status: 405,
        contains: ['{"error":"/api/chat takes POST only.'],
      },
    ],
  );
});

describe("chat", () => {
  runScenarios(
    () => engine,
    [
      {
        name: "whole",
        path: "/api/chat",
        init: chat(),
        status: 200,
        contains: [
          '"message":{"role":"assistant","content":"You said: Hello there"}',
          '"done":true',
          '"done_reason":"stop"',
          '"prompt_eval_count":',
          '"eval_duration":',
        ],
        headers: { "content-type": /application\/json; charset=utf-8/, "x-echo-memory-used": "0" },
      },
      {
        name: "an alias and :latest",
        path: "/api/chat",
        init: chat({ model: "assistant:latest" }),
        status: 200,
        contains: ['"model":"assistant:latest"'],
      },
      {
        name: "no messages load",
        path: "/api/chat",
        init: { body: { model: "assistant" } },
        status: 200,
        contains: ['"done_reason":"load"', '"content":""'],
      },
      {
        name: "a stop string",
        path: "/api/chat",
        init: chat({ options: { stop: ["there"] } }),
        status: 200,
        contains: ['"content":"You said: Hello'],
        excludes: ["there"],
      },
      {
        name: "few tokens",
        path: "/api/chat",
        init: chat({ options: { num_predict: 2 } }),
        status: 200,
        contains: ['"content":"You said:"', '"done_reason":"length"', '"eval_count":2'],
      },
      {
        name: "a JSON schema",
        path: "/api/chat",
        init: chat({ format: { type: "object", properties: { name: { type: "string" } } } }),
        status: 200,
        contains: ['"content":"{\\"name\\": \\"text\\"}"'],
      },
      {
        name: "a tool call has arguments as an object",
        path: "/api/chat",
        init: chat({
          messages: [{ role: "user", content: "What is the weather?" }],
          tools: [
            {
              type: "function",
              function: {
                name: "get_weather",
                description: "Weather",
                parameters: { type: "object", properties: { city: { type: "string" } } },
              },
            },
          ],
        }),
        status: 200,
        contains: ['"tool_calls":[{', '"name":"get_weather","arguments":{"city":"text"}'],
      },
      {
        name: "a tool's result",
        path: "/api/chat",
        init: chat({
          messages: [
            { role: "user", content: "Weather?" },
            {
              role: "assistant",
              tool_calls: [{ function: { name: "w", arguments: { city: "X" } } }],
            },
            { role: "tool", tool_name: "w", content: "sunny" },
          ],
        }),
        status: 200,
        contains: ["The tool says: sunny"],
      },
    ],
  );

  test("a stream is NDJSON, one piece a line, figures in the last", async () => {
    const response = await engine.ask("/api/chat", { body: hello });
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = await readLines(response);
    const last = lines.at(-1);
    const text = lines.map(line => (line.message as { content: string }).content).join("");
    expect(text).toBe("You said: Hello there");
    expect(lines.slice(0, -1).every(line => line.done === false)).toBe(true);
    expect(last).toMatchObject({
      model: "assistant",
      message: { role: "assistant", content: "" },
      done: true,
      done_reason: "stop",
      eval_count: 4,
    });
    expect(String(last?.created_at)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    for (const name of ["total_duration", "load_duration", "eval_duration"])
      expect(Number.isInteger(last?.[name])).toBe(true);
  });

  test("keep_alive 0 unloads after the reply, and the next request loads again", async () => {
    await engine.ask("/api/chat", chat({ model: "second", keep_alive: 0 }));
    await expect
      .poll(async () => (await engine.ask("/api/ps")).text())
      .not.toContain('"second:latest"');
    expect((await engine.ask("/api/chat", chat({ model: "llama3.2:1b" }))).status).toBe(200);
    const unload = await engine.ask("/api/generate", { body: { model: "second", keep_alive: 0 } });
    expect(await unload.json()).toMatchObject({ done_reason: "unload", response: "" });
  });
});

describe("generate", () => {
  runScenarios(
    () => engine,
    [
      {
        name: "whole, with a system prompt",
        path: "/api/generate",
        init: { body: { model: "assistant", prompt: "Hi", system: "Be brief.", stream: false } },
        status: 200,
        contains: ['"response":"You said: Hi"', '"done":true'],
      },
      {
        name: "raw",
        path: "/api/generate",
        init: { body: { model: "assistant", prompt: "<s>Hi", raw: true, stream: false } },
        status: 200,
        contains: ['"response":"You said: <s>Hi"'],
      },
      ...(["suffix", "template"] as const).map(field => ({
        name: `${field} is refused`,
        path: "/api/generate",
        init: { body: { model: "assistant", prompt: "Hi", [field]: "x" } },
        status: 400,
        contains: [`{"error":"${field}: `],
      })),
      {
        name: "token context is refused with the other way",
        path: "/api/generate",
        init: { body: { model: "assistant", prompt: "Hi", context: [1, 2] } },
        status: 400,
        contains: ["Send the earlier turns as messages"],
      },
      {
        name: "images are refused",
        path: "/api/generate",
        init: { body: { model: "assistant", prompt: "Hi", images: ["aGk="] } },
        status: 400,
        contains: ["cannot look at images"],
      },
    ],
  );
});

describe("embeddings", () => {
  runScenarios(
    () => engine,
    [
      {
        name: "one text",
        path: "/api/embed",
        init: { body: { model: "assistant", input: "a b" } },
        status: 200,
        contains: ['"embeddings":[[', '"prompt_eval_count":2'],
      },
      {
        name: "the old endpoint",
        path: "/api/embeddings",
        init: { body: { model: "assistant", prompt: "a b" } },
        status: 200,
        contains: ['{"embedding":['],
      },
      {
        name: "neither a string nor a list",
        path: "/api/embed",
        init: { body: { model: "assistant", input: 3 } },
        status: 400,
        contains: ["invalid input type"],
      },
    ],
  );

  test("dimensions cut and renormalise", async () => {
    const response = await engine.ask("/api/embed", {
      body: { model: "assistant", input: ["a b c"], dimensions: 8 },
    });
    const { embeddings } = (await response.json()) as { embeddings: number[][] };
    expect(embeddings[0]).toHaveLength(8);
    expect(Math.hypot(...(embeddings[0] ?? []))).toBeCloseTo(1);
  });
});

describe("bad input", () => {
  const error = (name: string, body: unknown, status: number, ...contains: string[]) => ({
    name,
    path: "/api/chat",
    init: { body },
    status,
    contains: ['{"error":"', ...contains],
  });
  runScenarios(
    () => engine,
    [
      error("no body", "", 400, "missing request body"),
      error("no JSON", "{", 400, "no valid JSON"),
      error("a list", "[]", 400),
      error("no model", { messages: [] }, 400, "model is required"),
      error("an unknown model", { ...hello, model: "nobody" }, 404, "model 'nobody' not found"),
      error("messages of a wrong type", { model: "assistant", messages: "hi" }, 400, "messages:"),
      error(
        "content of a wrong type",
        { model: "assistant", messages: [{ role: "user", content: 3 }] },
        400,
        "messages[0].content:",
      ),
      error(
        "a wrong role",
        { model: "assistant", messages: [{ role: "x" }] },
        400,
        "messages[0].role",
      ),
      error("a wrong format", { ...hello, format: "xml" }, 400, "format:"),
      error("a wrong option", { ...hello, options: { seed: "x" } }, 400, 'option \\"seed\\"'),
      error("a wrong keep_alive", { ...hello, keep_alive: "soon" }, 400, "keep_alive:"),
      error("logprobs", { ...hello, logprobs: true }, 400, "logprobs:"),
      error(
        "too many messages",
        { ...hello, messages: Array.from({ length: 4097 }, () => hello.messages[0]) },
        400,
        "messages:",
      ),
      error(
        "a prompt longer than the context",
        { ...hello, messages: [{ role: "user", content: "word ".repeat(500) }] },
        400,
        "context",
        "Shorten the messages",
      ),
      error("a body too large", `{"model":"${"x".repeat(17 * 1024 * 1024)}"}`, 413, "16 MiB"),
      {
        ...error("a memory mode that is none", hello, 400, "x-echo-memory"),
        init: { body: hello, headers: { "x-echo-memory": "sometimes" } },
      },
    ],
  );

  test("a schema that is deep on purpose is refused, not followed", async () => {
    const deep = `${'{"items":'.repeat(5_000)}{}${"}".repeat(5_000)}`;
    const body = `{"model":"assistant","messages":[{"role":"user","content":"x"}],"format":${deep}}`;
    const response = await engine.ask("/api/chat", { body });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining("too deep"),
    ]);
  });

  test("an error in the middle of a stream is its last line", async () => {
    const response = await engine.ask("/api/chat", {
      body: { ...hello, messages: [{ role: "user", content: "a ".repeat(90) }] },
    });
    const reader = response.body!.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    expect(first).toContain('"done":false');
    engine.backends.get("assistant")?.crash();
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read())
      rest += new TextDecoder().decode(next.value);
    expect(JSON.parse(rest.trim().split("\n").at(-1) ?? "")).toEqual({
      error: expect.stringContaining("made to crash"),
    });
  });
});
