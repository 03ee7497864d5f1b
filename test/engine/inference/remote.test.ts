/** The remote backend keeps the promises of a backend over real sockets, and says how a worker went away. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { GenerateItem, GenerateRequest } from "../../../engine/contract/chat.ts";
import { EngineError } from "../../../engine/contract/errors.ts";
import { readGone } from "../../../engine/inference/remote/worker-gone.ts";
import { createRemoteBackend, type RemoteBackend } from "../../../engine/inference/remote.ts";
import { systemClock } from "../../../engine/kit/clock.ts";
import { collect, describeBackend, doneOf, textOf } from "../../conformance/backend.ts";
import { quietTelemetry, startTestWorker, type TestWorker } from "../../support/worker.ts";

const common = { model: "assistant", clock: systemClock, telemetry: quietTelemetry() };

describeBackend("remote, of a worker", async () => {
  const worker = await startTestWorker({
    scripted: { contextTokens: 512, slots: 2, queueLength: () => 3 },
  });
  const backend = await createRemoteBackend({ ...common, url: worker.url, kind: "worker" });
  return {
    ...{ backend, queueLength: 3, isExact: true },
    crash: worker.backend.crash,
    stop: worker.stop,
  };
});

const ask = (content: string): GenerateRequest => ({
  input: { kind: "messages", messages: [{ role: "user", content }] },
  cacheScope: "s",
});

async function failureOf(promise: Promise<unknown>): Promise<EngineError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof EngineError) return error;
  throw new Error(`no EngineError but ${String(error)}`);
}

describe("remote, a worker that", () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const start = async (
    options: Parameters<typeof startTestWorker>[0] = {},
  ): Promise<{ worker: TestWorker; backend: RemoteBackend }> => {
    const worker = await startTestWorker(options);
    ends.push(worker.stop);
    const key = options.key === undefined ? {} : { key: options.key };
    const backend = await createRemoteBackend({
      ...{ ...common, ...key, url: worker.url, kind: "worker" },
    });
    ends.push(backend.close);
    return { worker, backend };
  };

  it("is not there is gone before anything was asked", async () => {
    const { worker, backend } = await start();
    worker.die();
    const error = await failureOf(collect(backend, ask("hello")));
    expect([error.code, readGone(error)]).toEqual(["model_crashed", "unreached"]);
  });

  it("dies in the middle is gone with its reply begun", async () => {
    const { worker, backend } = await start({ scripted: { tokenMs: 5 } });
    const dying = collect(backend, ask("one two three four"), undefined, worker.die);
    const error = await failureOf(dying);
    expect([error.code, readGone(error)]).toEqual(["model_crashed", "begun"]);
  });

  it("wants a key is asked with it, and refuses another", async () => {
    const { worker, backend } = await start({ key: "secret" });
    expect(textOf(await collect(backend, ask("hi")))).toBe("You said: hi");
    for (const key of [undefined, "wrong"]) {
      const other = createRemoteBackend({ ...common, url: worker.url, kind: "worker", key });
      expect((await failureOf(other)).code).toBe("unauthorized");
    }
  });

  it("refuses is quoted to the letter, the time to come back included", async () => {
    const { worker, backend } = await start({ scripted: { slots: 1, queueLength: () => 0 } });
    const running = collect(backend, ask("one ".repeat(200)));
    while (worker.backend.load().busySlots === 0) await systemClock.sleep(1);
    const error = await failureOf(collect(backend, ask("hello")));
    expect([error.code, error.retryAfterSeconds]).toEqual(["overloaded", 1]);
    expect(readGone(error)).toBeUndefined();
    await running;
  });

  it("is told of an abort at once", async () => {
    const { worker, backend } = await start({ scripted: { tokenMs: 2, slots: 1 } });
    const client = new AbortController();
    const cut = collect(backend, ask("one ".repeat(400)), client.signal, () => client.abort());
    expect((await failureOf(cut)).code).toBe("cancelled");
    while (worker.backend.load().busySlots > 0) await systemClock.sleep(1);
  });

  it("hangs over what it is to forget holds nobody who gives up", async () => {
    const { worker, backend } = await start();
    const hanging = createServer((request, response) => {
      if (request.url === "/worker/v1/forget") return;
      void fetch(`${worker.url}${request.url}`).then(async reply =>
        response.end(await reply.text()),
      );
    });
    await new Promise<void>(resolve => hanging.listen(0, "127.0.0.1", resolve));
    ends.push(() => {
      hanging.closeAllConnections();
      hanging.close();
    });
    const url = `http://127.0.0.1:${(hanging.address() as AddressInfo).port}`;
    const behind = await createRemoteBackend({ ...common, url, kind: "worker" });
    ends.push(behind.close);
    behind.forget("s");
    const client = new AbortController();
    const asked = collect(behind, ask("hello"), client.signal);
    client.abort();
    expect((await failureOf(asked)).code).toBe("cancelled");
    expect(backend.load().waiting + behind.load().waiting).toBe(0);
  });

  it("says what all its gateways have there", async () => {
    const { backend } = await start();
    await collect(backend, ask("hello"));
    expect(backend.reported()).toMatchObject({ slots: 4, waiting: 0 });
  });

  it("is given sampling, tools' names and thoughts as they are", async () => {
    const { backend } = await start({
      scripted: {
        script: request => ({
          thought: "hm",
          text: JSON.stringify([request.input, request.sampling]),
        }),
      },
    });
    const request: GenerateRequest = {
      input: {
        kind: "messages",
        messages: [
          {
            role: "assistant",
            content: "",
            toolCalls: [{ id: "a", name: "f", arguments: { x: 1 } }],
          },
          { role: "tool", content: "17", toolName: "f" },
          { role: "user", content: "and?" },
        ],
      },
      sampling: { temperature: 3, topK: 7, minP: 0.1, repeatLastTokens: -1, repeatPenalty: 1.2 },
      cacheScope: "s",
    };
    const items = await collect(backend, request);
    expect(items[0]).toMatchObject({ type: "thought", text: "hm" });
    expect(JSON.parse(textOf(items))).toEqual([request.input, request.sampling]);
  });
});

describe("remote, a server of others", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });
  /** A server that answers a chat with these events. */
  const serve = async (
    chat: (response: ServerResponse) => void,
    silenceMs = 5_000,
  ): Promise<{ backend: RemoteBackend; bodies: Record<string, unknown>[] }> => {
    const bodies: Record<string, unknown>[] = [];
    server = createServer((request, response) => {
      if (request.url === "/v1/models") {
        response.end(JSON.stringify({ data: [{ id: "m", max_model_len: 99 }] }));
        return;
      }
      const chunks: Buffer[] = [];
      request.on("data", chunk => chunks.push(chunk));
      request.on("end", () => {
        bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
        chat(response);
      });
    });
    await new Promise<void>(resolve => server?.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const url = `http://127.0.0.1:${port}/v1`;
    const options = { ...common, url, model: "m", kind: "openai" as const, silenceMs };
    return { backend: await createRemoteBackend(options), bodies };
  };
  const event = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
  const delta = (value: object, finish_reason: string | null = null) =>
    event({ choices: [{ index: 0, delta: value, finish_reason }] });

  it("is understood: text, a call in pieces, usage", async () => {
    const { backend, bodies } = await serve(response => {
      const call = (value: object) => delta({ tool_calls: [{ index: 0, ...value }] });
      response.write(delta({ role: "assistant", content: "" }) + delta({ content: "Gr" }));
      response.write(Buffer.from(delta({ content: "üße" })).subarray(0, 47));
      response.write(Buffer.from(delta({ content: "üße" })).subarray(47));
      response.write(call({ id: "c1", function: { name: "f", arguments: '{"a' } }));
      response.write(call({ function: { arguments: '": 1}' } }) + delta({}, "tool_calls"));
      response.end(
        `: nothing\r\n\r\n${event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 5 } })}data: [DONE]\n\n`,
      );
    });
    const items = await collect(backend, { ...ask("hi"), sampling: { topK: 0, temperature: 0.5 } });
    expect(textOf(items)).toBe("Grüße");
    const calls = items.filter(
      (item): item is GenerateItem & { type: "toolCall" } => item.type === "toolCall",
    );
    expect(calls[0]?.call).toEqual({ id: "c1", name: "f", arguments: { a: 1 } });
    expect(doneOf(items)).toMatchObject({
      reason: "toolCalls",
      usage: { promptTokens: 3, completionTokens: 5 },
    });
    expect(bodies[0]).toMatchObject({ model: "m", top_k: -1, temperature: 0.5, stream: true });
    expect(bodies[0]).not.toHaveProperty("echo");
    expect(backend.facts().contextTokens).toBe(99);
  });

  it("that says nothing more is gone in the middle", async () => {
    const { backend } = await serve(response => void response.write(delta({ content: "a" })), 50);
    const error = await failureOf(collect(backend, ask("hi")));
    expect([error.code, readGone(error)]).toEqual(["model_crashed", "begun"]);
    expect(error.message).toContain("nothing came");
  });

  it("is not gone because nobody reads what it says", async () => {
    const silenceMs = 50;
    // More than the connection holds, so that nothing comes while nobody reads.
    const pieces = 400;
    const { backend } = await serve(response => {
      for (let sent = 0; sent < pieces; sent++)
        response.write(delta({ content: "a".repeat(65_536) }));
      response.end(delta({}, "stop"));
    }, silenceMs);
    let read = 0;
    for await (const item of backend.generate(ask("hi"), new AbortController().signal)) {
      if (read === 0) await systemClock.sleep(4 * silenceMs);
      if (item.type === "text") read += item.text.length;
    }
    expect(read).toBe(pieces * 65_536);
  });

  it("cannot fill the memory with an event that never ends", async () => {
    const { backend } = await serve(response => {
      const line = `data: ${"a".repeat(65_536)}\n`;
      const more = () => {
        while (!response.destroyed && response.write(line));
      };
      response.on("drain", more);
      more();
    });
    expect((await failureOf(collect(backend, ask("hi")))).message).toContain("larger than 8 MiB");
  });

  it("that refuses the engine's key is not ready, and no part of the key is said", async () => {
    const { backend } = await serve(response => {
      response.writeHead(401);
      response.end(JSON.stringify({ error: { message: "Incorrect API key provided: sk-ab12" } }));
    });
    const error = await failureOf(collect(backend, ask("hi")));
    expect(error.code).toBe("model_not_ready");
    expect(JSON.stringify(error)).not.toContain("sk-");
  });

  it("cannot name an error that there is not", async () => {
    const { backend } = await serve(response => {
      response.writeHead(500);
      response.end(JSON.stringify({ echo: { error: { code: "toString", message: "x" } } }));
    });
    expect((await failureOf(collect(backend, ask("hi")))).status).toBe(502);
  });

  it("that ends without an end has not answered", async () => {
    const { backend } = await serve(response => void response.end(delta({ content: "a" })));
    expect(readGone(await failureOf(collect(backend, ask("hi"))))).toBe("begun");
  });

  it.each([
    [429, "overloaded"],
    [404, "model_not_found"],
    [400, "invalid_request"],
    [500, "model_crashed"],
  ])("that answers %i means %s", async (status, code) => {
    const { backend } = await serve(response => {
      response.writeHead(status, { "retry-after": "3" });
      response.end(JSON.stringify({ error: { message: "no", param: "stop" } }));
    });
    const error = await failureOf(collect(backend, ask("hi")));
    expect(error).toMatchObject({ code, message: "no", field: "stop", retryAfterSeconds: 3 });
  });

  it("cannot go on with what another began", async () => {
    const { backend } = await serve(response => void response.end());
    const request = { ...ask("hi"), already: { raw: "a", tokens: 1 } };
    expect((await failureOf(collect(backend, request))).code).toBe("unsupported");
  });
});
