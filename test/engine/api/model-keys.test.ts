/** Models that name the keys which may use them: for every other key they do not exist, in any dialect. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { paths } from "../../../engine/contract/endpoints.ts";
import { startTestEngine, type TestEngine } from "../../support/engine.ts";

const digest = (key: string) => createHash("sha256").update(key).digest("hex");
let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine({
    config: {
      keys: [
        { name: "friend", sha256: digest("friend-key") },
        { name: "stranger", sha256: digest("stranger-key") },
      ],
    },
    models: [
      {
        name: "private",
        source: "bundled:tiny-model",
        aliases: ["secret:1b"],
        keys: ["friend"],
        memory: { compatible: "on" },
      },
    ],
  });
});
afterAll(() => engine.stop());

const ask = (key: string, path: string, body?: unknown, method?: string) =>
  engine.ask(path, {
    headers: { authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body }),
    ...(method === undefined ? {} : { method }),
  });
const messages = [{ role: "user", content: "hello" }];

describe.each(["private", "secret:1b"])("%s", model => {
  const uses: [path: string, body: object][] = [
    ["/v1/chat/completions", { model, messages }],
    ["/v1/completions", { model, prompt: "a" }],
    ["/v1/embeddings", { model, input: "a" }],
    ["/api/chat", { model, messages, stream: false }],
    ["/api/generate", { model, prompt: "a", stream: false }],
    ["/api/generate", { model }],
    ["/api/embed", { model, input: "a" }],
    ["/api/show", { model }],
    ["/api/pull", { model, stream: false }],
  ];

  test.each(uses)(
    "%s serves the key that is named and hides it from the other",
    async (path, body) => {
      const stranger = await ask("stranger-key", path, body);
      expect([stranger.status, await stranger.text()]).toEqual([
        404,
        expect.stringContaining("not found"),
      ]);
      expect((await ask("friend-key", path, body)).status).toBe(200);
    },
  );
});

test.each(["/v1/models", "/api/tags", "/api/ps", paths.models])(
  "%s lists it for its key alone",
  async path => {
    expect(await (await ask("friend-key", path)).text()).toContain("private");
    expect(await (await ask("stranger-key", path)).text()).not.toContain("private");
  },
);

test("a turn of the main dialect is refused as if there were no such model", async () => {
  const made = await ask("stranger-key", paths.conversations, {});
  const { id } = (await made.json()) as { id: string };
  const turn = (key: string) =>
    ask(key, `${paths.conversations}/${id}/turns`, { model: "private", content: "hello" });
  expect((await turn("stranger-key")).status).toBe(404);
  expect((await ask("stranger-key", "/v1/models/private")).status).toBe(404);
  expect((await ask("stranger-key", "/api/delete", { model: "private" }, "DELETE")).status).toBe(
    404,
  );
});

test("who administers the engine sees all models", async () => {
  expect(await (await ask(engine.adminKey, paths.adminModels)).text()).toContain("private");
});

test("a model's own memory goes before the engine's, and the header before both", async () => {
  const chat = (model: string, header?: string) =>
    engine.ask("/v1/chat/completions", {
      headers: {
        authorization: "Bearer friend-key",
        ...(header === undefined ? {} : { "x-echo-memory": header }),
      },
      body: { model, messages },
    });
  expect((await chat("private")).headers.has("x-echo-conversation")).toBe(true);
  expect((await chat("private", "off")).headers.has("x-echo-conversation")).toBe(false);
  expect((await chat("assistant")).headers.has("x-echo-conversation")).toBe(false);
});
