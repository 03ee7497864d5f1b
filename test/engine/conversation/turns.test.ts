/** Turns with the scripted model over both stores. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { GenerateRequest, Message } from "../../../engine/contract/chat.ts";
import { limits } from "../../../engine/contract/limits.ts";
import type {
  Conversations,
  Principal,
  TurnItem,
  TurnRequest,
} from "../../../engine/conversation/conversations.ts";
import { createConversations } from "../../../engine/conversation/turns.ts";
import { createScriptedBackend, type ScriptedBackend } from "../../../engine/inference/scripted.ts";
import { systemClock } from "../../../engine/kit/clock.ts";
import { createIds } from "../../../engine/kit/identifiers.ts";
import { createSeededRandom, systemRandom } from "../../../engine/kit/random.ts";
import { createMemoryStores } from "../../../engine/stores/memory.ts";
import { createSqliteStores } from "../../../engine/stores/sqlite.ts";
import type { Store, Stores } from "../../../engine/stores/store.ts";
import { createLog } from "../../../engine/telemetry/log.ts";
import { createMetrics } from "../../../engine/telemetry/metrics.ts";
import type { Telemetry } from "../../../engine/telemetry/telemetry.ts";
import { createFixedModels, type FixedModels } from "../../support/served-models.ts";

const root = mkdtempSync(join(tmpdir(), "echorator-turns-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const alice: Principal = { key: "k", tenant: "acme", subject: "alice", scopes: ["use"] };
const bob: Principal = { ...alice, subject: "bob" };
const eve: Principal = { ...alice, tenant: "globex" };

const newId = createIds(systemClock, systemRandom);
let folders = 0;
const implementations: [string, () => Stores][] = [
  ["memory", () => createMemoryStores({ clock: systemClock, newId })],
  [
    "sqlite",
    () => {
      folders += 1;
      return createSqliteStores({ folder: join(root, `${folders}`), clock: systemClock, newId });
    },
  ],
];

describe.each(implementations)("turns over the %s store", (_, createStores) => {
  let stores: Stores;
  let backend: ScriptedBackend;
  let models: FixedModels;
  let telemetry: Telemetry;
  let conversations: Conversations;
  let logged: string;
  /** What the backend was asked, in order. */
  let seen: GenerateRequest[];
  let recallTokens: number;

  function setUp(
    options: { contextTokens?: number; system?: string; script?: "rules" | "echo" } = {},
  ) {
    logged = "";
    seen = [];
    const write = (line: string) => {
      logged += line;
    };
    telemetry = {
      log: createLog({ level: "debug", format: "json", clock: systemClock, write }),
      metrics: createMetrics(),
    };
    const scripted = createScriptedBackend({ contextTokens: options.contextTokens ?? 4096 });
    backend = {
      ...scripted,
      generate: (request, signal) => {
        seen.push(request);
        return scripted.generate(request, signal);
      },
    };
    models = createFixedModels(
      { assistant: backend },
      options.system === undefined ? {} : { system: options.system },
    );
    conversations = createConversations({
      stores,
      models,
      clock: systemClock,
      newId,
      random: createSeededRandom(1),
      telemetry,
      policy: () => ({ main: "on", compatible: "off", recallTokens }),
    });
  }

  beforeEach(() => {
    stores = createStores();
    recallTokens = 320;
    setUp();
  });
  afterEach(async () => {
    expect(models.openLeases()).toBe(0);
    await stores.close();
  });

  const toRequest = (
    content: string | Message[],
    more: Partial<TurnRequest> = {},
  ): TurnRequest => ({
    principal: alice,
    requestId: "req_1",
    dialect: "main",
    model: "assistant",
    memory: "on",
    history: "stored",
    generate: {
      input: {
        kind: "messages",
        messages: typeof content === "string" ? [{ role: "user", content }] : content,
      },
    },
    ...more,
  });

  async function take(content: string | Message[], more: Partial<TurnRequest> = {}) {
    const items: TurnItem[] = [];
    for await (const item of conversations.turn(
      toRequest(content, more),
      new AbortController().signal,
    ))
      items.push(item);
    const start = items.find(item => item.type === "start");
    const done = items.find(item => item.type === "done");
    const text = items.map(item => (item.type === "text" ? item.text : "")).join("");
    return { items, text, conversation: start?.conversation ?? "", used: start?.used ?? [], done };
  }

  const storeOf = (principal = alice): Promise<Store> =>
    stores.open({ tenant: principal.tenant, subject: principal.subject });
  const logOf = async (id: string, principal = alice) =>
    (await (await storeOf(principal)).history(id, 100)).map(
      event => `${event.role}/${event.status}: ${event.text}`,
    );
  const lastMessages = (): Message[] => {
    const input = seen.at(-1)?.input;
    return input?.kind === "messages" ? input.messages : [];
  };
  const series = (name: string) =>
    telemetry.metrics
      .render()
      .split("\n")
      .filter(line => line.startsWith(name));

  test("a fact told in one conversation is answered in another, for this subject alone", async () => {
    const told = await take("My name is Zelmira.");
    expect(told.used).toEqual([]);
    const asked = await take("What is my name?");
    expect(asked.conversation).not.toBe(told.conversation);
    expect(asked.text).toBe("Your name is Zelmira.");
    expect(asked.used[0]?.text).toBe("My name is Zelmira.");
    const [message] = lastMessages();
    expect(message?.content).toMatch(
      /^<memory ([0-9a-z]{6})>\n.*\n- \[\d{4}-\d\d-\d\d\] user: My name is Zelmira\.\n(.*\n)*<\/memory \1>\nWhat is my name\?$/,
    );
    for (const principal of [bob, eve])
      expect((await take("What is my name?", { principal })).text).toBe("I do not know your name.");
    // The block is for the model's eyes; what is kept is what was said.
    expect(await logOf(asked.conversation)).toEqual([
      "user/complete: What is my name?",
      "assistant/complete: Your name is Zelmira.",
    ]);
  });

  test("each request has a nonce of its own", async () => {
    await take("My name is Zelmira.");
    const nonces = [];
    for (let index = 0; index < 3; index++) {
      await take("What is my name?");
      nonces.push(/<memory (\w+)>/.exec(lastMessages()[0]?.content ?? "")?.[1]);
    }
    expect(new Set(nonces).size).toBe(3);
  });

  test("events carry where they came from", async () => {
    const { conversation, done } = await take("Hello there");
    const [user, assistant] = await (await storeOf()).history(conversation, 10);
    expect(user).toMatchObject({
      role: "user",
      trust: 1,
      source: "main",
      requestId: "req_1",
      model: undefined,
    });
    expect(assistant).toMatchObject({
      role: "assistant",
      trust: 0.7,
      model: "assistant",
      status: "complete",
    });
    expect(done).toMatchObject({ reason: "stop", eventId: assistant?.id });
  });

  test("a conversation goes on from the store", async () => {
    const { conversation } = await take("My dog is Rufus.");
    await take("And it is old.", { conversation });
    expect(lastMessages()).toEqual([
      { role: "user", content: "My dog is Rufus." },
      { role: "assistant", content: "You said: My dog is Rufus." },
      { role: "user", content: "And it is old." },
    ]);
  });

  test("the user's words are durable before the first text, the answer before done", async () => {
    const { id } = await conversations.create(alice);
    const states: string[] = [];
    const request = toRequest("Hello world", { conversation: id });
    for await (const item of conversations.turn(request, new AbortController().signal))
      states.push(`${item.type}: ${(await logOf(id)).length}`);
    expect(states).toEqual(["start: 1", "text: 1", "text: 1", "text: 1", "text: 1", "done: 2"]);
  });

  test("an answer cut by the client is kept as interrupted", async () => {
    const leaving = new AbortController();
    const { id } = await conversations.create(alice);
    const run = async () => {
      for await (const item of conversations.turn(
        toRequest("one two three", { conversation: id }),
        leaving.signal,
      ))
        if (item.type === "text" && item.text.includes("one")) leaving.abort();
    };
    await expect(run()).rejects.toMatchObject({ code: "cancelled" });
    expect(await logOf(id)).toEqual([
      "user/complete: one two three",
      "assistant/interrupted: You said: one",
    ]);
    expect(series("echorator_generations_total")[0]).toContain('finish="cancelled"');
    await take("go on", { conversation: id });
    expect(lastMessages().map(message => message.role)).toEqual(["user", "assistant", "user"]);
  });

  test("an answer whose reader simply stops is kept as interrupted", async () => {
    const { id } = await conversations.create(alice);
    const request = toRequest("one two three", { conversation: id });
    for await (const item of conversations.turn(request, new AbortController().signal))
      if (item.type === "text" && item.text.includes("two")) break;
    expect((await logOf(id))[1]).toBe("assistant/interrupted: You said: one two");
  });

  test("a client that goes away while nobody reads frees model and conversation", async () => {
    const { id } = await conversations.create(alice);
    const leaving = new AbortController();
    const items = conversations
      .turn(toRequest("one two", { conversation: id }), leaving.signal)
      [Symbol.asyncIterator]();
    await items.next();
    await items.next();
    leaving.abort();
    expect((await take("next", { conversation: id })).text).toContain("next");
    expect(models.openLeases()).toBe(0);
    await expect(items.next()).rejects.toMatchObject({ code: "cancelled" });
  });

  test("a crash of the model in the middle is an error, and what came is kept", async () => {
    const { id } = await conversations.create(alice);
    const scripted = createScriptedBackend();
    Object.assign(backend, { generate: scripted.generate });
    const run = async () => {
      for await (const item of conversations.turn(
        toRequest("one two", { conversation: id }),
        new AbortController().signal,
      ))
        if (item.type === "text") scripted.crash();
    };
    await expect(run()).rejects.toMatchObject({ code: "model_crashed" });
    expect((await logOf(id))[1]).toBe("assistant/interrupted: You");
    expect(series("echorator_generations_total")[0]).toContain('finish="error"');
  });

  test("words that got no answer are sent again once, and stand once in log and prompt", async () => {
    const { id } = await conversations.create(alice);
    const { generate } = backend;
    Object.assign(backend, {
      generate: () => {
        throw new Error("broken");
      },
    });
    await expect(take("one", { conversation: id })).rejects.toThrow("broken");
    await expect(take("two", { conversation: id })).rejects.toThrow("broken");
    Object.assign(backend, { generate });
    await take("two", { conversation: id });
    expect(await logOf(id)).toEqual(
      ["user/complete: one", "user/complete: two", "assistant/complete: You said: one two"].map(
        line => line.replace("one two", "one\n\ntwo"),
      ),
    );
    expect(lastMessages()).toEqual([{ role: "user", content: "one\n\ntwo" }]);
  });

  test("off touches no store", async () => {
    await stores.close();
    const { text, conversation, used } = await take("Hello", { memory: "off", conversation: "c1" });
    expect([text, conversation, used]).toEqual(["You said: Hello", "", []]);
    await expect(take("Hello", { memory: "on" })).rejects.toMatchObject({ code: "stopping" });
    expect((await take("Hello", { memory: "read", history: "given" })).text).toBe(
      "You said: Hello",
    );
    expect(logged).toContain("answering without");
    stores = createStores();
    setUp();
    expect(await conversations.list(alice, { limit: 10 })).toEqual([]);
  });

  test("what cannot be kept is refused before the first text; without memory it is answered", async () => {
    await stores.close();
    folders += 1;
    const folder = join(root, `${folders}`);
    stores = createSqliteStores({ folder, clock: systemClock, newId, tenantBytesMax: 150_000 });
    setUp();
    const long = "word ".repeat(2_000);
    const fill = async () => {
      for (let turn = 0; turn < 50; turn++) await take(`${turn} ${long}`, { memory: "write" });
    };
    await expect(fill()).rejects.toMatchObject({ code: "disk_full" });
    const before = seen.length;
    await expect(take(long)).rejects.toMatchObject({ code: "disk_full" });
    expect(seen.length).toBe(before);
    expect((await take("Hello", { memory: "off" })).text).toBe("You said: Hello");
  });

  test("read remembers nothing, write recalls nothing", async () => {
    await take("My name is Zelmira.", { memory: "write", history: "given" });
    const read = await take("What is my name?", { memory: "read", history: "given" });
    expect(read.text).toBe("Your name is Zelmira.");
    expect(read.conversation).toBe("");
    const written = await take("What is my name?", { memory: "write", history: "given" });
    expect([written.used, written.text]).toEqual([[], "I do not know your name."]);
    expect((await conversations.list(alice, { limit: 10 })).map(({ events }) => events)).toEqual([
      2, 2,
    ]);
  });

  test("given: only the new user message is remembered, in the client's conversation", async () => {
    const more = { history: "given", conversation: "chat-7" } as const;
    await take("One.", more);
    await take(
      [
        { role: "system", content: "Be brief." },
        { role: "user", content: "One." },
        { role: "assistant", content: "You said: One." },
        { role: "user", content: "Two." },
      ],
      more,
    );
    expect(await logOf("chat-7")).toEqual([
      "user/complete: One.",
      "assistant/complete: You said: One.",
      "user/complete: Two.",
      "assistant/complete: You said: Two.",
    ]);
    expect(lastMessages()).toHaveLength(4);
  });

  test("tool results are remembered with little trust, tool calls come back as calls", async () => {
    const tools = [
      { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
    ];
    const ask: Message[] = [{ role: "user", content: "How is the weather?" }];
    const first = await take(ask, {
      generate: { input: { kind: "messages", messages: ask, tools } },
    });
    expect(first.done).toMatchObject({ reason: "toolCalls" });
    const result: Message[] = [{ role: "tool", content: "Rain." }];
    const { conversation } = first;
    const generate = { input: { kind: "messages" as const, messages: result, tools } };
    const second = await take(result, { conversation, generate });
    expect(second.text).toBe("The tool says: Rain.");
    expect(lastMessages()).toMatchObject([
      { role: "user" },
      {
        role: "assistant",
        content: "",
        toolCalls: [{ name: "weather", arguments: { city: "text" } }],
      },
      { role: "tool", content: "Rain." },
    ]);
    const events = await (await storeOf()).history(conversation, 10);
    expect(events.map(event => [event.role, event.trust])).toEqual([
      ["user", 1],
      ["assistant", 0.7],
      ["tool", 0.3],
      ["assistant", 0.7],
    ]);
  });

  test("an unknown conversation or model is refused and leaves nothing behind", async () => {
    await expect(take("Hi", { conversation: "none" })).rejects.toMatchObject({
      code: "conversation_not_found",
    });
    await expect(take("Hi", { model: "none" })).rejects.toMatchObject({ code: "model_not_found" });
    await expect(take("Hi", { conversation: "", history: "given" })).rejects.toMatchObject({
      code: "invalid_request",
    });
    const { conversation } = await take("Hi");
    await expect(take("Hi", { conversation, principal: bob })).rejects.toMatchObject({
      code: "conversation_not_found",
    });
    expect(await conversations.get(bob, conversation)).toBeUndefined();
    expect(await conversations.delete(eve, conversation)).toBeUndefined();
    expect(await conversations.list(alice, { limit: 10 })).toHaveLength(1);
  });

  test("a deleted conversation is in no model's cache, whether its turns named it or began it", async () => {
    const cachedTokens = async (request: GenerateRequest) => {
      for await (const item of backend.generate(request, new AbortController().signal))
        if (item.type === "done") return item.usage.cachedTokens;
      return undefined;
    };
    const { conversation: begun } = await take("Hi, it is me again");
    const { conversation: named } = await take("Hi, it is me", { conversation: begun });
    expect(named).toBe(begun);
    const asked = [...seen];
    for (const request of asked) expect(await cachedTokens(request)).toBeGreaterThan(0);
    await conversations.delete(alice, begun);
    for (const request of asked) expect(await cachedTokens(request)).toBe(0);
  });

  test("history that does not fit loses its oldest turns, and what is too long is refused before it is kept", async () => {
    setUp({ contextTokens: 200 });
    const { id } = await conversations.create(alice);
    for (let index = 0; index < 12; index++)
      await take(`turn ${index} ${"word ".repeat(6)}`, { conversation: id, memory: "write" });
    const messages = lastMessages();
    expect(messages[0]?.role).toBe("user");
    expect(messages.length % 2).toBe(1);
    expect(messages.length).toBeGreaterThan(3);
    expect(messages[0]?.content).not.toContain("turn 0");
    expect(await backend.countTokens({ kind: "messages", messages })).toBeLessThanOrEqual(150);
    const before = await logOf(id);
    await expect(take("long ".repeat(300), { conversation: id })).rejects.toMatchObject({
      code: "context_exceeded",
    });
    expect(await logOf(id)).toEqual(before);
  });

  test("memories never take more than their share, nor push out a given prompt", async () => {
    for (let index = 0; index < 20; index++)
      await take(`My boat number ${index} is blue.`, { memory: "write" });
    setUp({ contextTokens: 400 });
    recallTokens = 4000;
    const { used } = await take("Which boat is blue?", { history: "given", memory: "read" });
    expect(used.length).toBeGreaterThan(0);
    const tokens = await backend.countTokens({ kind: "messages", messages: lastMessages() });
    expect(tokens).toBeLessThan(115);
    const full = await take(`${"filler ".repeat(370)} Which boat is blue?`, {
      history: "given",
      memory: "read",
    });
    expect(full.used).toEqual([]);
    recallTokens = 0;
    expect((await take("Which boat is blue?", { memory: "read", history: "given" })).used).toEqual(
      [],
    );
  });

  test("the model's system prompt stands in for a missing one, and is not remembered", async () => {
    setUp({ system: "You are Echo." });
    const { conversation } = await take("Hi");
    expect(lastMessages()[0]).toEqual({ role: "system", content: "You are Echo." });
    await take(
      [
        { role: "system", content: "Mine." },
        { role: "user", content: "Ho" },
      ],
      { conversation },
    );
    expect(lastMessages().map(message => message.content)).toEqual([
      "Mine.",
      "Hi",
      "You said: Hi",
      "Ho",
    ]);
    expect(await logOf(conversation)).toHaveLength(4);
  });

  test("a bare prompt has no memory", async () => {
    const input = { kind: "prompt", prompt: "Once upon" } as const;
    const { conversation, text } = await take("", { generate: { input } });
    expect([conversation, text]).toEqual(["", "You said: Once upon"]);
    expect(await conversations.list(alice, { limit: 5 })).toEqual([]);
  });

  test("cache scopes are shared by one conversation or one subject, never by two", async () => {
    const { conversation } = await take("Hi");
    await take("Ho", { conversation });
    await take("Ho", { conversation });
    const given = { history: "given", memory: "off" } as const;
    await take("Hi", given);
    await take("Hi", given);
    await take("Hi", { ...given, principal: bob });
    await take("Hi", { ...given, principal: eve });
    await take("Hi", { ...given, principal: { ...alice, tenant: "acme\u0000alice", subject: "" } });
    const [, a, b, ...rest] = seen.map(request => request.cacheScope);
    expect(a).toBe(b);
    expect(rest[0]).toBe(rest[1]);
    expect(new Set([a, ...rest]).size).toBe(5);
  });

  test("turns of one conversation wait for each other, a bounded number of them", async () => {
    const { id } = await conversations.create(alice);
    const count = limits.conversationTurnsWaitingMax + 3;
    const results = await Promise.allSettled(
      Array.from({ length: count }, (_, index) => take(`turn ${index}`, { conversation: id })),
    );
    const refused = results.filter(result => result.status === "rejected");
    expect(refused.map(({ reason }) => reason.code)).toEqual(["overloaded", "overloaded"]);
    const roles = (await (await storeOf()).history(id, 100)).map(event => event.role);
    expect(roles).toEqual(roles.map((_, index) => (index % 2 === 0 ? "user" : "assistant")));
    expect(roles).toHaveLength(2 * (count - 2));
  });

  test("deleting forgets at once, even in the middle of an answer, and nothing comes back", async () => {
    const { id } = await conversations.create(alice);
    const request = toRequest("My name is Zelmira.", { conversation: id });
    let waiting: Promise<unknown> | undefined;
    const run = async () => {
      for await (const item of conversations.turn(request, new AbortController().signal)) {
        if (item.type !== "text" || waiting !== undefined) continue;
        waiting = take("I wait.", { conversation: id }).catch((error: unknown) => error);
        await new Promise(resolve => setImmediate(resolve));
        expect(await conversations.delete(alice, id)).toEqual({ events: 1 });
      }
    };
    await expect(run()).rejects.toMatchObject({ code: "conversation_not_found" });
    expect(await waiting).toMatchObject({ code: "conversation_not_found" });
    expect(await conversations.get(alice, id)).toBeUndefined();
    expect((await take("What is my name?")).text).toBe("I do not know your name.");
    expect(series("dte_erasures_total")).toEqual(["dte_erasures_total 1"]);
  });

  test("get and list show what there is, in pages", async () => {
    const ids = [];
    for (let index = 0; index < 5; index++)
      ids.unshift((await take(`text ${index}`, { memory: "write" })).conversation);
    const found = await conversations.get(alice, ids[0] ?? "");
    expect(found?.events.map(event => event.text)).toEqual(["text 4", "You said: text 4"]);
    const first = await conversations.list(alice, { limit: 2 });
    const second = await conversations.list(alice, { limit: 1e9, before: first.at(-1)?.id ?? "" });
    expect([...first, ...second].map(({ id }) => id)).toEqual(ids);
  });

  test("metrics count what happened, logs tell nobody's words", async () => {
    const { conversation } = await take("My name is Zelmira.");
    await take("What is my name?", { conversation });
    for (const name of [
      "dte_recall_seconds_count 2",
      "dte_memory_tokens_count 2",
      'dte_events_total{role="user"} 2',
      'dte_events_total{role="assistant"} 2',
      'echorator_generations_total{model="assistant",finish="stop"} 2',
      'echorator_time_to_first_token_seconds_count{model="assistant"} 2',
      'echorator_queue_seconds_count{model="assistant"} 2',
    ])
      expect(telemetry.metrics.render()).toContain(name);
    expect(series("echorator_tokens_total")).toHaveLength(3);
    expect(logged).not.toMatch(/Zelmira|alice|acme/);
  });
});
