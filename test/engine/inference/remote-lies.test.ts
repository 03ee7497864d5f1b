/** A server that lies: whatever comes, the caller gets items of the right shape and an error of ours, and soon. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { EngineError } from "../../../engine/contract/errors.ts";
import { createRemoteBackend } from "../../../engine/inference/remote.ts";
import { systemClock } from "../../../engine/kit/clock.ts";
import { createSeededRandom } from "../../../engine/kit/random.ts";
import { collect } from "../../conformance/backend.ts";
import { quietTelemetry } from "../../support/worker.ts";

const seeds = 300;
let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Answers every question with what `lie` makes of its path. */
async function open(kind: "worker" | "openai", lie: (path: string) => string) {
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end(lie(request.url ?? "")));
  });
  await new Promise<void>(resolve => server?.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { url, model: "m", kind, clock: systemClock, telemetry: quietTelemetry() };
  return () => createRemoteBackend({ ...options, silenceMs: 1_000 });
}

const request = { input: { kind: "prompt" as const, prompt: "hi" }, cacheScope: "s" };
const chunk = {
  choices: [
    {
      delta: {
        content: "a",
        tool_calls: [{ index: 0, id: "c", function: { name: "f", arguments: "{}" } }],
      },
      text: "b",
      finish_reason: "stop",
    },
  ],
  usage: { prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 1 } },
  echo: { raw: "a", tokens: 1, timings: { queueMs: 1, promptMs: 1, decodeMs: 1 } },
};
const wrongs = [null, 0, -1, 1e300, "x", "", true, [], [null], {}, [[]], [{}], "__proto__"];

/** `value` with one place in it replaced by something else. */
function spoil(value: unknown, random: () => number): unknown {
  if (typeof value !== "object" || value === null || random() < 0.15)
    return wrongs[Math.floor(random() * wrongs.length)];
  const keys = Object.keys(value);
  const key = keys[Math.floor(random() * keys.length)] ?? "";
  const inner = spoil((value as Record<string, unknown>)[key], random);
  return Array.isArray(value) ? [inner] : { ...value, [key]: inner };
}

describe("remote, a server that lies", () => {
  it(`about any field of a reply, ${seeds} times`, async () => {
    const random = createSeededRandom(7);
    const backend = await (
      await open("openai", path =>
        path === "/v1/models"
          ? JSON.stringify({ data: "none" })
          : `data: ${JSON.stringify(spoil(chunk, random))}\n\ndata: ${JSON.stringify(spoil(chunk, random))}\n\n`,
      )
    )();
    let refused = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const items = await collect(backend, request).catch(error => {
        expect(error).toBeInstanceOf(EngineError);
        refused += 1;
        return [];
      });
      for (const item of items) {
        if (item.type === "text") expect(typeof item.text).toBe("string");
        if (item.type === "done") expect(Number.isFinite(item.usage.promptTokens)).toBe(true);
      }
    }
    expect(refused).toBeGreaterThan(seeds / 4);
    await backend.close();
  });

  it("with calls that never end does not fill the memory", async () => {
    const part = {
      choices: [{ delta: { tool_calls: [{ function: { arguments: "a".repeat(1e6) } }] } }],
    };
    const backend = await (
      await open("openai", path =>
        path === "/v1/models" ? "" : `data: ${JSON.stringify(part)}\n\n`.repeat(20),
      )
    )();
    await expect(collect(backend, request)).rejects.toThrow("without an end");
    await backend.close();
  });

  it.each(["", "<html>", "[]", '{"models":{}}', '{"models":[null]}', '{"models":[{"name":"m"}]}'])(
    "about a worker's models: %s",
    async answer => {
      const error = await (await open("worker", () => answer))().catch(reason => reason);
      expect(error).toBeInstanceOf(EngineError);
    },
  );

  it.each(["", "{}", '{"data":null}', '{"data":[]}', '{"data":[{"index":0,"embedding":["x"]}]}'])(
    "about embeddings: %s",
    async answer => {
      const backend = await (await open("openai", () => answer))();
      const error = await backend
        .embed(["a"], new AbortController().signal)
        .catch(reason => reason);
      expect(error).toBeInstanceOf(EngineError);
      await backend.close();
    },
  );
});
