/** The official clients of Ollama and OpenAI, as they are, against a listening engine. */
import { Ollama } from "ollama";
import OpenAI, { APIError, BadRequestError, NotFoundError } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ListeningEngine, listenTestEngine } from "../../support/engine.ts";

let engine: ListeningEngine;
beforeAll(async () => {
  engine = await listenTestEngine({ tokenMs: 1 });
});
afterAll(() => engine.stop());

const weather = {
  type: "function" as const,
  function: {
    name: "get_weather",
    description: "Tells the weather.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
    },
  },
};
const person = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
};
const ask = (content: string) => [{ role: "user" as const, content }];

describe.each(["main", "ollama"] as const)("ollama on the port %s", port => {
  let client: Ollama;
  beforeAll(() => {
    client = new Ollama({ host: port === "main" ? engine.mainUrl : engine.ollamaUrl });
  });

  test("chat, whole and streamed", async () => {
    const request = { model: "assistant", messages: ask("Hello there") };
    const whole = await client.chat(request);
    expect(whole.message).toEqual({ role: "assistant", content: "You said: Hello there" });
    let text = "";
    let reason = "";
    for await (const part of await client.chat({ ...request, stream: true })) {
      text += part.message.content;
      if (part.done) reason = part.done_reason;
    }
    expect([text, reason]).toEqual(["You said: Hello there", "stop"]);
  });

  test("generate, tools, format", async () => {
    const generated = await client.generate({ model: "assistant", prompt: "Hi", keep_alive: "5m" });
    expect(generated.response).toBe("You said: Hi");
    const called = await client.chat({
      model: "assistant",
      messages: ask("What is the weather?"),
      tools: [weather],
    });
    expect(called.message.tool_calls?.[0]?.function).toEqual({
      name: "get_weather",
      arguments: { city: "text" },
    });
    const filled = await client.chat({
      model: "assistant",
      messages: ask("Zelmira is 34."),
      format: person,
    });
    expect(JSON.parse(filled.message.content)).toEqual({ name: "text", age: 1 });
  });

  test("embed, list, show, ps, version", async () => {
    const { embeddings } = await client.embed({ model: "assistant", input: ["a", "b"] });
    expect(embeddings).toHaveLength(2);
    const { models } = await client.list();
    expect(models.map(model => model.name)).toContain("assistant:latest");
    expect((await client.show({ model: "assistant" })).details.format).toBe("gguf");
    expect((await client.ps()).models.map(model => model.name)).toContain("assistant:latest");
    expect((await client.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("pull from a file, use it by its source and its name, delete it", async () => {
    const source = `file://${engine.weights}`;
    const states: string[] = [];
    for await (const part of await client.pull({ model: source, stream: true }))
      states.push(part.status);
    expect(states[0]).toBe("pulling manifest");
    expect(states.at(-1)).toBe("success");
    const said = await client.chat({ model: source, messages: ask("Hi") });
    expect(said.message.content).toBe("You said: Hi");
  });

  test("errors are errors of the client", async () => {
    await expect(client.chat({ model: "nobody", messages: ask("x") })).rejects.toMatchObject({
      name: "ResponseError",
      status_code: 404,
      message: expect.stringContaining("model 'nobody' not found"),
    });
    await expect(client.delete({ model: "assistant" })).rejects.toMatchObject({
      status_code: 409,
      message: expect.stringMatching(/stack file/),
    });
    await expect(client.pull({ model: "llama3.2" })).rejects.toMatchObject({
      message: expect.stringMatching(/bundled:echo-tiny.*hf:owner/),
    });
  });

  test("abort frees the slot", async () => {
    const stream = await client.chat({
      model: "assistant",
      messages: ask("word ".repeat(1_500)),
      stream: true,
    });
    const backend = engine.backends.get("assistant");
    await expect(
      (async () => {
        for await (const _ of stream) stream.abort();
      })(),
    ).rejects.toThrow(/abort/i);
    await expect.poll(() => backend?.load().busySlots).toBe(0);
  });
});

test("a pull that fails leaves no model behind", async () => {
  const client = new Ollama({ host: engine.ollamaUrl });
  const models = async () => (await fetch(`${engine.mainUrl}/api/v1/models`)).json();
  const before = await models();
  for (const stream of [true, false])
    await expect(
      (async () => {
        const pulled = client.pull({ model: "file:///nowhere/none.gguf", stream: stream as true });
        for await (const _ of await pulled);
      })(),
    ).rejects.toThrow(/./);
  expect(await models()).toEqual(before);
});

test("a model that a client pulled is the client's to delete", async () => {
  const client = new Ollama({ host: engine.ollamaUrl });
  await client.pull({ model: "bundled:tiny-model" });
  const names = async () => (await client.list()).models.map(model => model.name);
  expect(await names()).toContain("tiny-model:latest");
  expect((await client.chat({ model: "tiny-model", messages: ask("Hi") })).done).toBe(true);
  await client.delete({ model: "tiny-model" });
  expect(await names()).not.toContain("tiny-model:latest");
});

describe.each(["main", "ollama"] as const)("openai on the port %s", port => {
  let client: OpenAI;
  beforeAll(() => {
    const url = port === "main" ? engine.mainUrl : engine.ollamaUrl;
    client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  });

  test("chat, whole and streamed with usage", async () => {
    const request = { model: "assistant", messages: ask("Hello there") };
    const whole = await client.chat.completions.create(request);
    expect(whole.choices[0]?.message.content).toBe("You said: Hello there");
    expect(whole.usage?.total_tokens).toBeGreaterThan(4);
    const stream = client.chat.completions.stream({
      ...request,
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe("You said: Hello there");
    expect(final.choices[0]?.finish_reason).toBe("stop");
    expect(final.usage?.completion_tokens).toBe(4);
  });

  test("tools: the call, then the answer from its result", async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = ask("What is the weather?");
    const first = await client.chat.completions
      .stream({ model: "assistant", messages, tools: [weather] })
      .finalChatCompletion();
    const choice = first.choices[0];
    expect(choice?.finish_reason).toBe("tool_calls");
    const call = choice?.message.tool_calls?.[0];
    expect(call).toMatchObject({ function: { name: "get_weather", arguments: '{"city":"text"}' } });
    const second = await client.chat.completions.create({
      model: "assistant",
      tools: [weather],
      messages: [
        ...messages,
        choice!.message,
        { role: "tool", tool_call_id: call?.id ?? "", content: "sunny" },
      ],
    });
    expect(second.choices[0]?.message.content).toBe("The tool says: sunny");
  });

  test("a JSON schema", async () => {
    const filled = await client.chat.completions.create({
      model: "assistant",
      messages: ask("Zelmira is 34."),
      response_format: {
        type: "json_schema",
        json_schema: { name: "person", schema: person, strict: true },
      },
    });
    expect(JSON.parse(filled.choices[0]?.message.content ?? "")).toEqual({ name: "text", age: 1 });
  });

  test("completions, embeddings (base64 by default), models", async () => {
    const completed = await client.completions.create({ model: "assistant", prompt: "Once" });
    expect(completed.choices[0]?.text).toBe("You said: Once");
    const floats = await client.embeddings.create({
      model: "assistant",
      input: ["a b"],
      encoding_format: "float",
    });
    const packed = await client.embeddings.create({ model: "assistant", input: ["a b"] });
    const [one, other] = [floats.data[0]?.embedding ?? [], packed.data[0]?.embedding ?? []];
    expect(other).toHaveLength(one.length);
    for (const [index, value] of one.entries()) expect(other[index]).toBeCloseTo(value, 6);
    const models = await client.models.list();
    expect(models.data.map(model => model.id)).toContain("assistant");
    expect((await client.models.retrieve("assistant")).owned_by).toBe("stack");
  });

  test("errors are the client's own classes, with the field", async () => {
    const bad = client.chat.completions.create({ model: "assistant", messages: ask("x"), n: 2 });
    await expect(bad).rejects.toBeInstanceOf(BadRequestError);
    await expect(bad).rejects.toMatchObject({ param: "n", code: "unsupported_parameter" });
    const unknown = client.chat.completions.create({ model: "nobody", messages: ask("x") });
    await expect(unknown).rejects.toBeInstanceOf(NotFoundError);
  });

  test("an error in the middle of a stream is thrown, not lost", async () => {
    const stream = await client.chat.completions.create({
      model: "assistant",
      messages: ask("word ".repeat(500)),
      stream: true,
    });
    const read = async () => {
      for await (const chunk of stream)
        if (chunk.choices[0]?.delta.content) engine.backends.get("assistant")?.crash();
    };
    await expect(read()).rejects.toBeInstanceOf(APIError);
  });

  test("abort frees the slot", async () => {
    const stream = await client.chat.completions.create({
      model: "assistant",
      messages: ask("word ".repeat(1_500)),
      stream: true,
    });
    for await (const _ of stream) break;
    await expect.poll(() => engine.backends.get("assistant")?.load().busySlots).toBe(0);
  });

  test("abort of a whole reply frees the slot as well", async () => {
    const gone = new AbortController();
    const messages = ask("word ".repeat(1_500));
    const reply = client.chat.completions.create(
      { model: "assistant", messages },
      { signal: gone.signal },
    );
    await expect.poll(() => engine.backends.get("assistant")?.load().busySlots).toBe(1);
    gone.abort();
    await expect(reply).rejects.toThrow(/abort/i);
    await expect.poll(() => engine.backends.get("assistant")?.load().busySlots).toBe(0);
  });
});
