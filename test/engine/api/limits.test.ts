/** Limits of a key: refused in each dialect's own form, settled by what was used, shared by gateways. */
import { createHash } from "node:crypto";
import OpenAI from "openai";
import { afterEach, describe, expect, test } from "vitest";
import type { KeyLimits } from "../../../engine/contract/config.ts";
import { createMemoryCounters } from "../../../engine/stores/counters-memory.ts";
import { createTestClock } from "../../conformance/store.ts";
import {
  listenTestEngine,
  startTestEngine,
  type TestEngine,
  type TestEngineOptions,
} from "../../support/engine.ts";

const key = "the-key-of-the-test";
const headers = { authorization: `Bearer ${key}` };
const messages = [{ role: "user", content: "Hello" }];

function withLimits(limits: KeyLimits): NonNullable<TestEngineOptions["config"]> {
  const sha256 = createHash("sha256").update(key).digest("hex");
  return { keys: [{ name: "team", tenant: "acme", sha256, limits }] };
}

describe("limits of a key", () => {
  const engines: TestEngine[] = [];
  const clock = createTestClock();

  afterEach(async () => {
    for (const engine of engines.splice(0)) await engine.stop();
  });

  async function start(limits: KeyLimits, more: TestEngineOptions = {}): Promise<TestEngine> {
    const counters = createMemoryCounters({ clock });
    const engine = await startTestEngine({ config: withLimits(limits), counters, ...more });
    engines.push(engine);
    return engine;
  }

  const dialects: { name: string; path: string; body: object; error: object; port?: "ollama" }[] = [
    {
      name: "OpenAI chat",
      path: "/v1/chat/completions",
      body: { model: "assistant", messages },
      error: {
        error: {
          message: expect.stringMatching(/^The key "team" has used up its 2 requests a minute\. /),
          type: "rate_limit_error",
          param: null,
          code: "rate_limit_exceeded",
        },
      },
    },
    {
      name: "OpenAI chat as a stream",
      path: "/v1/chat/completions",
      body: { model: "assistant", messages, stream: true },
      error: { error: { type: "rate_limit_error" } },
    },
    {
      name: "OpenAI completions",
      path: "/v1/completions",
      body: { model: "assistant", prompt: "Hello" },
      error: { error: { code: "rate_limit_exceeded" } },
    },
    {
      name: "OpenAI embeddings",
      path: "/v1/embeddings",
      body: { model: "assistant", input: "Hello" },
      error: { error: { code: "rate_limit_exceeded" } },
    },
    {
      name: "Ollama chat",
      path: "/api/chat",
      port: "ollama",
      body: { model: "assistant", messages },
      error: { error: expect.stringMatching(/used up its 2 requests a minute/) },
    },
    {
      name: "Ollama generate",
      path: "/api/generate",
      body: { model: "assistant", prompt: "Hello" },
      error: { error: expect.stringMatching(/used up/) },
    },
    {
      name: "Ollama embed",
      path: "/api/embed",
      body: { model: "assistant", input: "Hello" },
      error: { error: expect.stringMatching(/used up/) },
    },
    {
      name: "the main API",
      path: "/api/v1/conversations/{id}/turns",
      body: { model: "assistant", content: "Hello" },
      error: {
        type: "urn:echorator:error:rate_limited",
        status: 429,
        code: "rate_limited",
        remedy: "Try again after the time in Retry-After.",
      },
    },
  ];

  test.each(dialects)("$name: the third of two requests a minute", async dialect => {
    const { body, error, port } = dialect;
    const engine = await start({ requestsPerMinute: 2 });
    const made = await engine.ask("/api/v1/conversations", { headers, method: "POST" });
    const path = dialect.path.replace("{id}", ((await made.json()) as { id: string }).id);
    const ask = port === "ollama" ? engine.askOllama : engine.ask;
    for (let index = 0; index < 2; index++) {
      const response = await ask(path, { headers, body });
      expect(`${response.status} ${await response.text()}`).toMatch(/^200/);
    }
    const refused = await ask(path, { headers, body });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBe(60);
    expect(await refused.json()).toMatchObject(error);
    expect(engine.app.engine.telemetry.metrics.render()).toContain(
      'echorator_limited_total{limit="requestsPerMinute"} 1',
    );
    // What is no turn has no quota.
    expect((await engine.ask("/v1/models", { headers })).status).toBe(200);
    clock.set(clock.now() + 60_000);
    expect((await ask(path, { headers, body })).status).toBe(200);
  });

  test("OpenAI's headers say what is left, of requests and of the scarcer tokens", async () => {
    const engine = await start({
      requestsPerMinute: 3,
      tokensPerMinute: 10_000,
      tokensPerDay: 500,
    });
    const body = { model: "assistant", messages, max_tokens: 50 };
    const ask = () => engine.ask("/v1/chat/completions", { headers, body });
    const first = await ask();
    expect(Object.fromEntries(first.headers)).toMatchObject({
      "x-ratelimit-limit-requests": "3",
      "x-ratelimit-remaining-requests": "2",
      "x-ratelimit-reset-requests": "1m0s",
      "x-ratelimit-limit-tokens": "500",
      "x-ratelimit-remaining-tokens": String(500 - 50 - 2),
      "x-ratelimit-reset-tokens": "24h0m0s",
    });
    const { usage } = (await first.json()) as { usage: { total_tokens: number } };
    const second = await ask();
    expect(second.headers.get("x-ratelimit-remaining-tokens")).toBe(
      String(500 - usage.total_tokens - 50 - 2),
    );
    await ask();
    const refused = await ask();
    expect(refused.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    const free = await startTestEngine({ config: {} });
    engines.push(free);
    const unlimited = await free.ask("/v1/chat/completions", { body });
    expect([...unlimited.headers.keys()].filter(name => name.startsWith("x-ratelimit"))).toEqual(
      [],
    );
  });

  test("tokens are set aside before and settled after: what was not needed is there again", async () => {
    const engine = await start({ tokensPerMinute: 1_000 }, { contextTokens: 8_192, tokenMs: 1 });
    const body = { model: "assistant", messages, max_tokens: 900 };
    const ask = () => engine.ask("/v1/chat/completions", { headers, body });
    // Nine times 900 is far more than the quota; what the answers really take is not.
    for (let index = 0; index < 9; index++) {
      const response = await ask();
      expect(response.status).toBe(200);
      await response.text();
    }
    const both = await Promise.all([ask(), ask(), ask()]);
    expect(both.map(response => response.status).sort()).toEqual([200, 200, 429]);
  });

  test("a turn that failed before its first word counts for nothing, a stream that was cut for what it gave", async () => {
    const long = Array.from({ length: 400 }, (_, index) => `word${index} `);
    const engine = await start(
      { requestsPerMinute: 100, tokensPerMinute: 100_000 },
      { tokenMs: 2, script: () => ({ text: long.join("") }) },
    );
    const body = { model: "assistant", messages, max_tokens: 5_000 };
    const remaining = async () => {
      const response = await engine.ask("/v1/chat/completions", {
        headers,
        body: { ...body, max_tokens: 1 },
      });
      await response.text();
      return Number(response.headers.get("x-ratelimit-remaining-tokens"));
    };
    const before = await remaining();
    const crowded = [{ role: "user", content: "x ".repeat(20_000) }];
    const failed = await engine.ask("/v1/chat/completions", {
      headers,
      body: { ...body, messages: crowded },
    });
    expect(failed.status).toBe(400);
    const after = await remaining();
    expect(before - after).toBeLessThan(50);
    const streamed = await engine.ask("/v1/chat/completions", {
      headers,
      body: { ...body, stream: true },
    });
    const reader = streamed.body?.getReader();
    for (let index = 0; index < 10; index++) await reader?.read();
    await reader?.cancel();
    const cut = after - (await remaining());
    expect(cut).toBeGreaterThan(5);
    expect(cut).toBeLessThan(1_000);
  });

  test("a request larger than the whole quota is answered once, and paid for by later windows", async () => {
    const engine = await start({ tokensPerMinute: 3 });
    const body = { model: "assistant", messages };
    const ask = () => engine.ask("/v1/chat/completions", { headers, body });
    const first = await ask();
    expect(first.status).toBe(200);
    const { usage } = (await first.json()) as { usage: { total_tokens: number } };
    expect(usage.total_tokens).toBeGreaterThan(3);
    const refused = await ask();
    expect(refused.status).toBe(429);
    const windows = Math.floor(usage.total_tokens / 3);
    expect(Number(refused.headers.get("retry-after"))).toBe(60 * windows);
  });

  test("OpenAI's own client knows the error", async () => {
    const engine = await listenTestEngine({ config: withLimits({ requestsPerMinute: 1 }) });
    engines.push(engine);
    const client = new OpenAI({ apiKey: key, baseURL: `${engine.mainUrl}/v1`, maxRetries: 0 });
    const create = () =>
      client.chat.completions.create({
        model: "assistant",
        messages: [{ role: "user", content: "Hello" }],
      });
    await create();
    await expect(create()).rejects.toBeInstanceOf(OpenAI.RateLimitError);
  });

  test("two gateways on the same counters give no more than one would", async () => {
    const counters = createMemoryCounters({ clock });
    const two = [
      await start({ requestsPerMinute: 7 }, { counters }),
      await start({ requestsPerMinute: 7 }, { counters }),
    ];
    const body = { model: "assistant", messages };
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        two[index % 2]?.ask("/v1/chat/completions", { headers, body }),
      ),
    );
    expect(all.filter(response => response?.status === 200)).toHaveLength(7);
  });
});
