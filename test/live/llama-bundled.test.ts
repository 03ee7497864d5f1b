/** The bundled model through the llama backend: template, memory of a conversation, tools and JSON mean something. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GenerateRequest, Message } from "../../engine/contract/chat.ts";
import { collect, doneOf, textOf } from "../conformance/backend.ts";
import { bundledModel, type OpenedModel, openModel } from "./llama-support.ts";

describe("bundled model", () => {
  let opened: OpenedModel;
  beforeAll(async () => {
    opened = await openModel(bundledModel);
  });
  afterAll(() => opened.backend.close());

  const say = (messages: Message[], more: Partial<GenerateRequest> = {}) =>
    collect(opened.backend, {
      input: { kind: "messages", messages },
      sampling: { temperature: 0 },
      maxTokens: 120,
      cacheScope: "s",
      ...more,
    });

  it("has a chat template that renders", () => {
    expect(opened.lines.filter(line => line.includes("ChatML is used"))).toEqual([]);
  });

  it("ends by itself, without markup", async () => {
    const items = await say([{ role: "user", content: "Hello, who are you?" }]);
    expect(doneOf(items).reason).toBe("stop");
    expect(textOf(items)).toMatch(/\w/);
    expect(textOf(items)).not.toContain("<|");
  });

  it("repeats a name that it was told", async () => {
    const items = await say([
      { role: "user", content: "My name is Zelmira." },
      { role: "assistant", content: "Nice to meet you, Zelmira." },
      { role: "user", content: "What is my name?" },
    ]);
    expect(textOf(items)).toContain("Zelmira");
  });

  it("calls a tool that fits", async () => {
    const tool = {
      name: "get_weather",
      description: "Get the weather of a city",
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      },
    };
    const messages: Message[] = [{ role: "user", content: "What is the weather in Lisbon?" }];
    const items = await say([], { input: { kind: "messages", messages, tools: [tool] } });
    const calls = items.filter(item => item.type === "toolCall");
    expect(calls[0]?.call).toMatchObject({ name: "get_weather", arguments: { city: "Lisbon" } });
    expect(doneOf(items).reason).toBe("toolCalls");
    expect(textOf(items)).toBe("");
  });

  it("fills a form", async () => {
    const schema = {
      type: "object",
      properties: { name: { type: "string" }, age: { type: "integer" } },
      required: ["name", "age"],
    };
    const messages: Message[] = [{ role: "user", content: "Zelmira is 34 years old." }];
    const items = await say(messages, { format: { type: "schema", schema } });
    expect(JSON.parse(textOf(items))).toEqual({ name: "Zelmira", age: 34 });
  });
});
