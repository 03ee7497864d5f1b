/** The promises of the Backend interface, held by every implementation. */
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type {
  DoneItem,
  GenerateItem,
  GenerateRequest,
  JsonSchema,
} from "../../engine/contract/chat.ts";
import { EngineError, type ErrorCode } from "../../engine/contract/errors.ts";
import type { Backend } from "../../engine/inference/backend.ts";
import { type ContinuationCase, cutEverywhere, toBegun } from "./continuation.ts";

export interface BackendUnderTest {
  backend: Backend;
  /** Requests that may wait; the suite fills the queue, so it should be short. */
  queueLength: number;
  /** Kills the process behind the backend. */
  crash?: () => void;
  /** Whether a reply that is gone on with is the uncut one, byte for byte. */
  isExact?: boolean;
  /** Ends what stands behind the backend, after it was closed. */
  stop?: () => Promise<void>;
}

export function describeBackend(name: string, open: () => Promise<BackendUnderTest>): void {
  describe(`backend ${name}`, () => {
    const opened: BackendUnderTest[] = [];
    const start = async () => {
      const one = await open();
      opened.push(one);
      return one;
    };
    afterEach(async () => {
      for (const { backend, stop } of opened.splice(0)) {
        await backend.close();
        await stop?.();
      }
    });

    it("ends each generation with exactly one done, with honest figures", async () => {
      const { backend } = await start();
      const items = await collect(backend, hello());
      const done = doneOf(items);
      expect(items.filter(item => item.type === "done")).toHaveLength(1);
      expect(done.usage.promptTokens).toBe(await backend.countTokens(hello().input));
      expect(done.usage.completionTokens).toBeGreaterThan(0);
      expect(done.usage.cachedTokens).toBeLessThan(done.usage.promptTokens);
      expect(Math.min(...Object.values(done.timings))).toBeGreaterThanOrEqual(0);
      expect(backend.load()).toMatchObject({ busySlots: 0, waiting: 0 });
    });

    it("yields nothing that JSON would change", async () => {
      const { backend } = await start();
      const items = await collect(backend, hello());
      expect(JSON.parse(JSON.stringify(items))).toEqual(items);
      expect(JSON.parse(JSON.stringify(backend.facts()))).toEqual(backend.facts());
    });

    it("gives equal text for equal requests at temperature 0", async () => {
      const { backend } = await start();
      const first = textOf(await collect(backend, hello()));
      expect(textOf(await collect(backend, { ...hello(), cacheScope: "another" }))).toBe(first);
      expect(textOf(await collect(backend, hello()))).toBe(first);
    });

    it("ends before a stop string", async () => {
      const { backend } = await start();
      const all = textOf(await collect(backend, long()));
      const items = await collect(backend, {
        ...long(),
        stop: ["never there", "7, 7, 7]", "7, 7"],
      });
      expect(textOf(items)).toBe(all.slice(0, all.indexOf("7, 7")));
      expect(doneOf(items).reason).toBe("stop");
    });

    it("ends with length at maxTokens", async () => {
      const { backend } = await start();
      const done = doneOf(await collect(backend, { ...long(), maxTokens: 3 }));
      expect(done.reason).toBe("length");
      expect(done.usage.completionTokens).toBe(3);
    });

    it("holds the output to a JSON schema", async () => {
      const { backend } = await start();
      const text = textOf(await collect(backend, long()));
      expect(JSON.parse(text)).toEqual(new Array(longLength).fill(7));
    });

    it("calls a tool that it must call, and leaves no markup in the text", async () => {
      const { backend } = await start();
      const items = await collect(backend, mustCall());
      const calls = items.filter(item => item.type === "toolCall");
      expect(calls[0]?.call).toMatchObject({ name: "paint", arguments: { colour: "red" } });
      expect(calls[0]?.call.id).not.toBe("");
      expect(doneOf(items).reason).toBe("toolCalls");
      expect(textOf(items)).not.toContain("tool_call");
    });

    it("lets requests beyond the slots wait, bounded, and refuses the next", async () => {
      const { backend, queueLength } = await start();
      const { slots } = backend.facts();
      const running = Array.from({ length: slots + queueLength }, (_, index) =>
        collect(backend, long(`conversation-${index}`)),
      );
      await until(() => backend.load().waiting === queueLength);
      expect(backend.load().busySlots).toBe(slots);
      await expectError(collect(backend, hello()), "overloaded");
      for (const items of await Promise.all(running)) expect(doneOf(items).reason).toBe("stop");
      expect(backend.load()).toMatchObject({ busySlots: 0, waiting: 0 });
    });

    it("frees the slot when the signal aborts", async () => {
      const { backend } = await start();
      const client = new AbortController();
      const cut = collect(backend, long(), client.signal, () => client.abort());
      await expectError(cut, "cancelled");
      await until(() => backend.load().busySlots === 0);
      expect(doneOf(await collect(backend, hello())).type).toBe("done");
    });

    it("takes who gave up waiting out of the queue", async () => {
      const { backend } = await start();
      const running = Array.from({ length: backend.facts().slots }, () => collect(backend, long()));
      await until(() => backend.load().busySlots === backend.facts().slots);
      const client = new AbortController();
      const waiting = collect(backend, hello(), client.signal);
      await until(() => backend.load().waiting === 1);
      client.abort();
      await expectError(waiting, "cancelled");
      expect(backend.load().waiting).toBe(0);
      await Promise.all(running);
    });

    it("frees the slot when the reader stops early", async () => {
      const { backend } = await start();
      for await (const item of backend.generate(long(), new AbortController().signal))
        if (item.type === "text") break;
      await until(() => backend.load().busySlots === 0);
    });

    it("says deadline_exceeded when the signal is a deadline", async () => {
      const { backend } = await start();
      const deadline = AbortSignal.abort(new DOMException("late", "TimeoutError"));
      await expectError(collect(backend, hello(), deadline), "deadline_exceeded");
    });

    it("refuses a prompt that does not fit before evaluating anything", async () => {
      const { backend } = await start();
      const words = "word ".repeat(backend.facts().contextTokens + 8);
      const input = {
        kind: "messages" as const,
        messages: [{ role: "user" as const, content: words }],
      };
      const error = await expectError(
        collect(backend, { input, cacheScope: "s" }),
        "context_exceeded",
      );
      expect(error.message).toContain(String(backend.facts().contextTokens));
    });

    it("refuses a prompt without a token, and goes on with the others", async () => {
      const { backend } = await start();
      const input = { kind: "prompt" as const, prompt: "" };
      await expectError(collect(backend, { input, cacheScope: "s" }), "invalid_request");
      await collect(backend, hello());
      expect(backend.load()).toMatchObject({ busySlots: 0, waiting: 0 });
    });

    it("reuses the prefix of the same scope and of no other", async () => {
      const { backend } = await start();
      await collect(backend, hello());
      const other = doneOf(await collect(backend, { ...hello(), cacheScope: "stranger" }));
      expect(other.usage.cachedTokens).toBe(0);
      const same = doneOf(await collect(backend, hello()));
      expect(same.usage.cachedTokens).toBeGreaterThan(0);
    });

    it("has nothing left of a scope that it was told to forget, a running request's included", async () => {
      const { backend } = await start();
      await collect(backend, hello());
      backend.forget("hello");
      const again = doneOf(await collect(backend, hello()));
      expect(again.usage.cachedTokens).toBe(0);
      await collect(backend, long("running"), undefined, () => backend.forget("running"));
      const after = doneOf(await collect(backend, long("running")));
      expect(after.usage.cachedTokens).toBe(0);
    });

    it("says with every item how far the reply is", async () => {
      const { backend } = await start();
      for (const { request } of continuationCases()) {
        const items = await collect(backend, request);
        const begun = toBegun(items);
        expect(begun.tokens).toBeLessThanOrEqual(doneOf(items).usage.completionTokens);
        expect(begun.shown?.text).toBe(textOf(items).length);
      }
    });

    it("goes on with a reply that another began, wherever it was cut", async () => {
      const { backend, isExact = false } = await start();
      const second = await start();
      for (const one of continuationCases()) {
        const { cuts, equal } = await cutEverywhere(backend, second.backend, one, isExact);
        console.info(
          `${name}: ${one.name}: ${equal} of ${cuts} continuations give the uncut reply`,
        );
      }
    });

    it("says nothing more when what was begun is complete", async () => {
      const { backend } = await start();
      const request = { ...long(), maxTokens: 5 };
      const items = await collect(backend, request);
      const again = await collect(backend, { ...request, already: toBegun(items) });
      expect(again.map(item => item.type)).toEqual(["done"]);
      expect(doneOf(again)).toMatchObject({ reason: "length", usage: { completionTokens: 5 } });
    });

    it("embeds texts as unit vectors, in order", async () => {
      const { backend } = await start();
      const texts = ["green apples", "red cars on roads", "green apples"];
      const result = await backend.embed(texts, new AbortController().signal);
      expect(result.vectors).toHaveLength(3);
      for (const vector of result.vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 4);
      expect(result.vectors[2]).toEqual(result.vectors[0]);
      expect(result.vectors[1]).not.toEqual(result.vectors[0]);
      expect(result.promptTokens).toBeGreaterThan(0);
    });

    it("ends running requests with stopping when it is closed, twice if need be", async () => {
      const { backend } = await start();
      const running = collect(backend, long(), undefined, () => void backend.close());
      await expectError(running, "stopping");
      await backend.close();
      await expectError(collect(backend, hello()), "stopping");
    });

    it("answers a crash with model_crashed and comes back by itself", async context => {
      const { backend, crash } = await start();
      if (crash === undefined) return context.skip();
      let crashes = 0;
      const running = collect(backend, long(), undefined, () => {
        if (crashes++ === 0) crash();
      });
      await expectError(running, "model_crashed");
      expect(await backend.countTokens(hello().input)).toBeGreaterThan(0);
      expect(doneOf(await collect(backend, hello())).type).toBe("done");
      expect(backend.failure()).toBeUndefined();
    });
  });
}

const longLength = 60;

function hello(): GenerateRequest {
  const messages = [{ role: "user" as const, content: "Hello, who are you?" }];
  const sampling = { temperature: 0 };
  return { input: { kind: "messages", messages }, sampling, maxTokens: 12, cacheScope: "hello" };
}

/** A reply of many tokens whatever the model is: the schema allows no other. */
function long(cacheScope = "long"): GenerateRequest {
  const items = { type: "integer", const: 7 };
  const schema = { type: "array", items, minItems: longLength, maxItems: longLength };
  return { ...hello(), format: { type: "schema", schema }, maxTokens: 600, cacheScope };
}

/** Forced ones say the same whatever the model is: the schema or the tool allows nothing else. */
function continuationCases(): ContinuationCase[] {
  const sevens = { type: "integer", const: 7 };
  const list = { type: "array", items: sevens, minItems: 12, maxItems: 12 };
  const form = (schema: JsonSchema): GenerateRequest => ({
    ...long(),
    format: { type: "schema", schema },
    maxTokens: 200,
  });
  const characters = { type: "string", const: "naïve 🎉 日本語 ß" };
  return [
    { name: "plain text", request: hello(), isForced: false },
    { name: "a schema", request: form(list), isForced: true },
    {
      name: "a stop string",
      request: { ...form(list), stop: ["7, 7, 7]", "never"] },
      isForced: true,
    },
    { name: "characters of several bytes", request: form(characters), isForced: true },
    { name: "a tool call", request: mustCall(), isForced: true },
  ];
}

function mustCall(): GenerateRequest {
  const parameters = {
    type: "object",
    properties: { colour: { type: "string", enum: ["red"] } },
    required: ["colour"],
    additionalProperties: false,
  };
  const messages = [{ role: "user" as const, content: "Make it red." }];
  const tools = [{ name: "paint", description: "Paints the house.", parameters }];
  const input = { kind: "messages" as const, messages, tools, toolChoice: "required" as const };
  return { input, sampling: { temperature: 0 }, maxTokens: 200, cacheScope: "tools" };
}

export async function collect(
  backend: Backend,
  request: GenerateRequest,
  signal: AbortSignal = new AbortController().signal,
  onItem: (item: GenerateItem) => void = () => {},
): Promise<GenerateItem[]> {
  const items: GenerateItem[] = [];
  for await (const item of backend.generate(request, signal)) {
    items.push(item);
    onItem(item);
  }
  return items;
}

export function textOf(items: readonly GenerateItem[]): string {
  return items.map(item => (item.type === "text" ? item.text : "")).join("");
}

export function doneOf(items: readonly GenerateItem[]): DoneItem {
  const done = items.at(-1);
  if (done?.type !== "done") throw new Error(`ended without done: ${JSON.stringify(done)}`);
  return done;
}

async function expectError(promise: Promise<unknown>, code: ErrorCode): Promise<EngineError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof EngineError)) throw new Error(`no EngineError but ${String(error)}`);
  expect(error.code).toBe(code);
  return error;
}

/** Looks again at each turn of the event loop; vitest's own timeout ends a wait that is in vain. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await wait(1);
}
