/** OpenAI's dialect over the scripted model: framing, fields, errors. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readEvents, readJson, startTestEngine, type TestEngine } from "../../../support/engine.ts";
import { runScenarios } from "../scenarios.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine({
    models: [{ name: "second", source: "bundled:tiny-model", aliases: ["owner/model:q8"] }],
    contextTokens: 200,
  });
});
afterAll(() => engine.stop());

interface RememberingReply {
  choices: { message: { content: string } }[];
  echo: { memory: { text: string }[] };
}

const path = "/v1/chat/completions";
const messages = [{ role: "user", content: "Hello there" }];
const chat = (more: object = {}) => ({ body: { model: "assistant", messages, ...more } });
const weather = {
  type: "function",
  function: { name: "get_weather", parameters: { type: "object", properties: {} } },
};
const person = { type: "object", properties: { name: { type: "string" } } };

describe("models", () => {
  runScenarios(
    () => engine,
    [
      {
        name: "list, on the port of Ollama too",
        path: "/v1/models",
        port: "ollama",
        status: 200,
        contains: [
          '{"object":"list"',
          '"id":"assistant"',
          '"id":"owner/model:q8"',
          '"owned_by":"stack"',
        ],
      },
      { name: "one", path: "/v1/models/assistant", status: 200, contains: ['"object":"model"'] },
      { name: "a name with a slash", path: "/v1/models/owner/model:q8", status: 200 },
      {
        name: "none",
        path: "/v1/models/nobody",
        status: 404,
        contains: ["model 'nobody' not found", '"code":"model_not_found"', '"param":"model"'],
      },
      {
        name: "an unknown path",
        path: "/v1/nothing",
        status: 404,
        contains: ['{"error":{"message"'],
      },
      { name: "a wrong method", path, status: 405, contains: ['"code":"method_not_allowed"'] },
    ],
  );
});

describe("chat", () => {
  runScenarios(
    () => engine,
    [
      {
        name: "whole",
        path,
        init: chat(),
        status: 200,
        contains: [
          '"id":"chatcmpl-',
          '"object":"chat.completion"',
          '"content":"You said: Hello there"',
          '"finish_reason":"stop"',
          '"total_tokens":',
          '"cached_tokens":',
        ],
        excludes: ['"echo"'],
      },
      {
        name: "parts of text are joined, developer speaks as system",
        path,
        init: chat({
          messages: [
            { role: "developer", content: "Be brief." },
            {
              role: "user",
              content: [
                { type: "text", text: "Hello " },
                { type: "text", text: "parts" },
              ],
            },
          ],
        }),
        status: 200,
        contains: ["You said: Hello parts"],
      },
      {
        name: "null is as good as absent",
        path,
        init: chat({ temperature: null, stop: null, tools: null, response_format: null, n: null }),
        status: 200,
      },
      { name: "unknown fields are ignored", path, init: chat({ store: true, x: {} }), status: 200 },
      { name: "a seed of any size", path, init: chat({ seed: -9007199254740991 }), status: 200 },
      {
        name: "max_completion_tokens",
        path,
        init: chat({ max_completion_tokens: 1, max_tokens: 50 }),
        status: 200,
        contains: ['"content":"You"', '"finish_reason":"length"'],
      },
      {
        name: "a JSON schema",
        path,
        init: chat({
          response_format: { type: "json_schema", json_schema: { name: "p", schema: person } },
        }),
        status: 200,
        contains: ['"content":"{\\"name\\": \\"text\\"}"'],
      },
      {
        name: "tools, required",
        path,
        init: chat({ tools: [weather], tool_choice: "required" }),
        status: 200,
        contains: [
          '"content":null',
          '"type":"function","function":{"name":"get_weather","arguments":"{}"}',
          '"finish_reason":"tool_calls"',
        ],
      },
      {
        name: "tools, none",
        path,
        init: chat({ tools: [weather], tool_choice: "none" }),
        status: 200,
        excludes: ["tool_calls"],
      },
      {
        name: "a tool's result",
        path,
        init: chat({
          messages: [
            ...messages,
            {
              role: "assistant",
              content: null,
              tool_calls: [
                { id: "c1", type: "function", function: { name: "get_weather", arguments: "{}" } },
              ],
            },
            { role: "tool", tool_call_id: "c1", content: "sunny" },
          ],
        }),
        status: 200,
        contains: ["The tool says: sunny"],
      },
    ],
  );

  test("a stream: role, pieces, finish, usage, [DONE]", async () => {
    const response = await engine.ask(
      path,
      chat({ stream: true, stream_options: { include_usage: true } }),
    );
    expect(response.headers.get("content-type")).toMatch("text/event-stream");
    const events = (await readEvents(response)).map(event => event.data);
    expect(events.at(-1)).toBe("[DONE]");
    const chunks = events.slice(0, -1).map(data => JSON.parse(data));
    expect(chunks[0].choices[0].delta).toEqual({ role: "assistant", content: "" });
    const text = chunks.map(chunk => chunk.choices[0]?.delta.content ?? "").join("");
    expect(text).toBe("You said: Hello there");
    expect(chunks.at(-2).choices[0]).toMatchObject({ delta: {}, finish_reason: "stop" });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 4 } });
    expect(new Set(chunks.map(chunk => chunk.id)).size).toBe(1);
  });

  test("ids are unique", async () => {
    const ids = await Promise.all(
      Array.from(
        { length: 20 },
        async () => (await readJson<{ id: string }>(await engine.ask(path, chat()))).id,
      ),
    );
    expect(new Set(ids).size).toBe(20);
  });

  test("a tool call in a stream has an index", async () => {
    const response = await engine.ask(
      path,
      chat({
        stream: true,
        tools: [weather],
        tool_choice: { type: "function", function: { name: "get_weather" } },
      }),
    );
    const text = await response.text();
    expect(text).toContain('"tool_calls":[{"index":0,"id":"call_');
    expect(text).toContain('"finish_reason":"tool_calls"');
  });

  test("an error in the middle of a stream is delivered", async () => {
    const response = await engine.ask(
      path,
      chat({ stream: true, messages: [{ role: "user", content: "a ".repeat(90) }] }),
    );
    const reader = response.body!.getReader();
    await reader.read();
    engine.backends.get("assistant")?.crash();
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read())
      rest += new TextDecoder().decode(next.value);
    const last = JSON.parse(rest.trim().split("\n\n").at(-1)?.slice("data: ".length) ?? "");
    expect(last.error).toMatchObject({ type: "server_error", code: "model_crashed" });
  });

  test("what was remembered is shown beside OpenAI's own fields", async () => {
    const headers = { "x-echo-memory": "on" };
    const say = async (content: string) => {
      const messages = [{ role: "user", content }];
      return engine.ask(path, { headers, body: { model: "assistant", messages } });
    };
    await say("My name is Zelmira.");
    const response = await say("What is my name?");
    const reply = await readJson<RememberingReply>(response);
    expect(response.headers.get("x-echo-memory-used")).not.toBe("0");
    expect(response.headers.get("x-echo-conversation")).toMatch(/^cnv_/);
    expect(reply.choices[0]?.message.content).toBe("Your name is Zelmira.");
    expect(reply.echo.memory[0]).toMatchObject({ text: "My name is Zelmira." });
  });
});

describe("completions and embeddings", () => {
  runScenarios(
    () => engine,
    [
      {
        name: "a prompt as it is",
        path: "/v1/completions",
        init: { body: { model: "assistant", prompt: "Once" } },
        status: 200,
        contains: [
          '"object":"text_completion"',
          '"text":"You said: Once"',
          '"finish_reason":"stop"',
        ],
      },
      {
        name: "streamed",
        path: "/v1/completions",
        init: { body: { model: "assistant", prompt: ["Once"], stream: true } },
        status: 200,
        contains: ['"text":" Once"', "data: [DONE]"],
      },
      ...[{ echo: true }, { suffix: "x" }, { best_of: 2 }, { n: 2 }, { logprobs: 1 }].map(more => ({
        name: `${JSON.stringify(more)} is refused`,
        path: "/v1/completions",
        init: { body: { model: "assistant", prompt: "x", ...more } },
        status: 400,
        contains: [`"param":"${Object.keys(more)[0]}"`, '"code":"unsupported_parameter"'],
      })),
      {
        name: "tokens as a prompt are refused",
        path: "/v1/completions",
        init: { body: { model: "assistant", prompt: [1, 2] } },
        status: 400,
        contains: ['"param":"prompt"'],
      },
      {
        name: "embeddings as numbers",
        path: "/v1/embeddings",
        init: { body: { model: "assistant", input: ["a", "b"], encoding_format: "float" } },
        status: 200,
        contains: ['"index":1,"embedding":[', '"prompt_tokens":2'],
      },
      {
        name: "more dimensions than there are",
        path: "/v1/embeddings",
        init: { body: { model: "assistant", input: "a", dimensions: 4096 } },
        status: 400,
        contains: ['"param":"dimensions"'],
      },
      {
        name: "an empty list",
        path: "/v1/embeddings",
        init: { body: { model: "assistant", input: [] } },
        status: 400,
        contains: ['"param":"input"'],
      },
    ],
  );
});

describe("bad input", () => {
  const refused = (name: string, more: object, param: string, status = 400) => ({
    name,
    path,
    init: chat(more),
    status,
    contains: ['{"error":{"message":"', `"param":"${param}"`],
  });
  runScenarios(
    () => engine,
    [
      refused("an unknown model", { model: "nobody" }, "model", 404),
      refused("no messages", { messages: [] }, "messages"),
      refused("a wrong role", { messages: [{ role: "robot", content: "x" }] }, "messages[0].role"),
      refused(
        "a wrong content",
        { messages: [{ role: "user", content: 1 }] },
        "messages[0].content",
      ),
      refused(
        "an image",
        { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] },
        "messages[0].content[0]",
      ),
      refused("two choices", { n: 2 }, "n"),
      refused("logprobs", { logprobs: true }, "logprobs"),
      refused("logit_bias", { logit_bias: { "50256": -100 } }, "logit_bias"),
      refused("audio", { modalities: ["text", "audio"] }, "modalities"),
      refused("the old functions", { functions: [{ name: "x" }] }, "functions"),
      refused("too hot", { temperature: 3 }, "temperature"),
      refused("no tokens", { max_tokens: 0 }, "max_tokens"),
      refused(
        "a format that is none",
        { response_format: { type: "xml" } },
        "response_format.type",
      ),
      refused("a choice without tools", { tool_choice: "required" }, "tool_choice"),
      refused(
        "a choice of no tool",
        { tools: [weather], tool_choice: { type: "function", function: { name: "x" } } },
        "tool_choice.function.name",
      ),
      refused("two tools of one name", { tools: [weather, weather] }, "tools[1].function.name"),
      refused("a stop string too many", { stop: Array.from({ length: 17 }, () => "x") }, "stop"),
      refused("a user that is too long", { user: "x".repeat(300) }, "user"),
      refused(
        "arguments that are no JSON",
        {
          messages: [
            {
              role: "assistant",
              tool_calls: [{ type: "function", function: { name: "x", arguments: "{" } }],
            },
          ],
        },
        "messages[0].tool_calls[0].function.arguments",
      ),
      {
        name: "a prompt longer than the context",
        path,
        init: chat({ messages: [{ role: "user", content: "word ".repeat(500) }] }),
        status: 400,
        contains: ['"code":"context_length_exceeded"'],
      },
      {
        name: "no JSON",
        path,
        init: { body: "{" },
        status: 400,
        contains: ['"code":"invalid_json"'],
      },
    ],
  );
});
