/** The main API: conversations that remember, events, problems, and the description that fits the routes. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ConversationList,
  ConversationWithTurns,
  ModelList,
  Problem,
  TurnReply,
} from "../../../../engine/api/main/schemas.ts";
import { paths } from "../../../../engine/contract/endpoints.ts";
import { readEvents, startTestEngine, type TestEngine } from "../../../support/engine.ts";
import { runScenarios } from "../scenarios.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine.stop());

async function begin(headers: Record<string, string> = {}): Promise<string> {
  const response = await engine.ask(paths.conversations, { method: "POST", headers });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

function say(id: string, content: string, more: object = {}, headers: Record<string, string> = {}) {
  const body = { model: "assistant", content, ...more };
  return engine.ask(`${paths.conversations}/${id}/turns`, { body, headers });
}

describe("conversations", () => {
  test("a fact told in one is answered in another, and the reply says from where", async () => {
    const first = await begin();
    await say(first, "My name is Quirin.");
    const second = await begin();
    const response = await say(second, "What is my name?");
    const reply = TurnReply.parse(await response.json());
    expect(reply.content).toBe("Your name is Quirin.");
    expect(reply.conversation).toBe(second);
    expect(reply.echo.memory.map(memory => memory.text)).toContain("My name is Quirin.");
    expect(response.headers.get("x-echo-memory-used")).toBe(String(reply.echo.memory.length));
  });

  test("a conversation has its turns, is listed, and is gone when deleted", async () => {
    const id = await begin();
    await say(id, "The first thing.");
    const shown = ConversationWithTurns.parse(
      await (await engine.ask(`${paths.conversations}/${id}`)).json(),
    );
    expect(shown.turns.map(turn => [turn.role, turn.content])).toEqual([
      ["user", "The first thing."],
      ["assistant", "You said: The first thing."],
    ]);
    const list = ConversationList.parse(await (await engine.ask(paths.conversations)).json());
    expect(list.data.map(entry => entry.id)).toContain(id);
    const gone = await engine.ask(`${paths.conversations}/${id}`, { method: "DELETE" });
    expect(await gone.json()).toEqual({ id, events: 2 });
    expect((await engine.ask(`${paths.conversations}/${id}`)).status).toBe(404);
  });

  test("pages follow each other without gap or repeat", async () => {
    const headers = { "x-echo-subject": "pages" };
    const made = [];
    for (let index = 0; index < 5; index++) made.push(await begin(headers));
    const seen: string[] = [];
    for (let before = ""; ; ) {
      const query = `?limit=2${before === "" ? "" : `&before=${before}`}`;
      const response = await engine.ask(`${paths.conversations}${query}`, { headers });
      const page = ConversationList.parse(await response.json());
      seen.push(...page.data.map(entry => entry.id));
      if (page.next === null) break;
      before = page.next;
    }
    expect(seen).toEqual(made.reverse());
  });

  test("events: deltas, then the whole", async () => {
    const id = await begin();
    const response = await say(id, "Say this again.", { stream: true });
    expect(response.headers.get("content-type")).toMatch("text/event-stream");
    const events = await readEvents(response);
    expect(events.at(-1)?.name).toBe("done");
    const deltas = events.slice(0, -1);
    expect(deltas.every(event => event.name === "delta")).toBe(true);
    const text = deltas.map(event => JSON.parse(event.data).text).join("");
    const whole = TurnReply.parse(JSON.parse(events.at(-1)?.data ?? ""));
    expect(text).toBe("You said: Say this again.");
    expect(whole.content).toBe(text);
  });

  test("an error in the middle of a stream is an event", async () => {
    const id = await begin();
    const response = await say(id, "a ".repeat(200), { stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    engine.backends.get("assistant")?.crash();
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read())
      rest += new TextDecoder().decode(next.value);
    const last = rest.trim().split("\n\n").at(-1) ?? "";
    expect(last).toMatch(/^event: error\n/);
    const problem = Problem.parse(JSON.parse(/^data: (.*)$/m.exec(last)?.[1] ?? ""));
    expect(problem).toMatchObject({ code: "model_crashed", status: 502 });
  });

  test("format, sampling, stop and maxTokens reach the model", async () => {
    const id = await begin();
    await say(id, "x", { sampling: { temperature: 0, seed: 3 }, stop: ["END"], maxTokens: 9 });
    expect(engine.asked.at(-1)).toMatchObject({
      sampling: { temperature: 0, seed: 3 },
      stop: ["END"],
      maxTokens: 9,
    });
    const format = { type: "schema", schema: { type: "object", properties: {} } };
    expect(await (await say(id, "x", { format })).json()).toMatchObject({ content: "{}" });
  });

  test("memory off neither reads nor writes", async () => {
    const headers = { "x-echo-memory": "off" };
    const id = await begin();
    const reply = await (await say(id, "Nobody hears this.", {}, headers)).json();
    expect(reply).toMatchObject({ id: null, echo: { memory: [] } });
    const shown = await (await engine.ask(`${paths.conversations}/${id}`)).json();
    expect(shown).toMatchObject({ turns: [] });
  });
});

describe("subjects", () => {
  test("are kept apart: no recall, no look, no deletion across", async () => {
    const anna = { "x-echo-subject": "anna" };
    const bert = { "x-echo-subject": "bert" };
    const secret = await begin(anna);
    await say(secret, "My name is Annabelle.", {}, anna);
    const other = await begin(bert);
    const reply = await (await say(other, "What is my name?", {}, bert)).json();
    expect(JSON.stringify(reply)).not.toContain("Annabelle");
    for (const method of ["GET", "DELETE"])
      expect(
        (await engine.ask(`${paths.conversations}/${secret}`, { method, headers: bert })).status,
      ).toBe(404);
    expect((await say(secret, "hm", {}, bert)).status).toBe(404);
  });
});

describe("models and health", () => {
  runScenarios(
    () => engine,
    [
      { name: "alive", path: paths.live, status: 200, contains: ['"status":"ok"'] },
      { name: "alive on the other port", path: paths.live, port: "ollama", status: 200 },
      {
        name: "started, and who it is",
        path: paths.started,
        status: 200,
        contains: ['"instance":"test-instance"', '"version":"0.0.0-test"', '"pid":'],
      },
      { name: "ready", path: paths.ready, status: 200, contains: ['"reasons":[]'] },
      {
        name: "cognition",
        path: paths.cognition,
        status: 200,
        contains: ['"memory":{"status":"ok"'],
      },
      {
        name: "metrics by route, not by path",
        path: paths.metrics,
        status: 200,
        contains: [
          'route="/api/v1/conversations/:id/turns"',
          'echorator_model_state{model="assistant",state="ready"} 1',
        ],
        excludes: ["cnv_"],
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      },
    ],
  );

  test("models are listed as the schema says", async () => {
    const { data } = ModelList.parse(await (await engine.ask(paths.models)).json());
    expect(data[0]).toMatchObject({ name: "assistant", state: "ready", owner: "stack" });
  });
});

describe("bad input", () => {
  const turns = `${paths.conversations}/cnv_none/turns`;
  const problem = (
    name: string,
    path: string,
    init: object,
    status: number,
    ...contains: string[]
  ) => ({
    name,
    path,
    init,
    status,
    contains: ['"remedy":"', `"status":${status}`, ...contains],
    headers: { "content-type": "application/problem+json" },
  });
  test("a wrong method is told the right ones", async () => {
    const response = await engine.ask(paths.conversations, { method: "PUT" });
    expect(response.headers.get("allow")).toBe("POST, GET");
  });

  runScenarios(
    () => engine,
    [
      problem("no JSON", turns, { body: "{" }, 400, '"code":"invalid_json"'),
      problem("no content", turns, { body: { model: "a" } }, 400, '"field":"content"'),
      problem(
        "a field too many",
        turns,
        { body: { model: "a", content: "b", x: 1 } },
        400,
        '"field":"x"',
      ),
      problem("no model", turns, { body: { content: "b" } }, 400, "model is required"),
      problem(
        "an unknown model",
        turns,
        { body: { model: "nobody", content: "b" } },
        404,
        '"code":"model_not_found"',
      ),
      problem(
        "an unknown conversation",
        turns,
        { body: { model: "assistant", content: "b" } },
        404,
        '"code":"conversation_not_found"',
      ),
      problem("an id that is none", `${paths.conversations}/%20`, {}, 400, '"field":"id"'),
      problem("a limit that is none", `${paths.conversations}?limit=x`, {}, 400, '"field":"limit"'),
      problem("a page that is none", `${paths.conversations}?before=cnv_x`, {}, 404),
      problem("an unknown path", "/nothing", {}, 404, "/openapi.json"),
      problem("a wrong method", paths.conversations, { method: "PUT" }, 405),
      problem(
        "a memory mode that is none",
        turns,
        { body: { model: "assistant", content: "b" }, headers: { "x-echo-memory": "x" } },
        400,
        '"field":"x-echo-memory"',
      ),
      problem(
        "a subject that is too long",
        paths.conversations,
        { headers: { "x-echo-subject": "x".repeat(300) } },
        400,
        '"field":"x-echo-subject"',
      ),
    ],
  );
});

describe("request ids", () => {
  test("a client's own is repeated, another is made", async () => {
    const own = await engine.ask(paths.live, { headers: { "x-request-id": "mine-1" } });
    expect(own.headers.get("x-request-id")).toBe("mine-1");
    const unfit = await engine.ask(paths.live, { headers: { "x-request-id": "a b{}" } });
    expect(unfit.headers.get("x-request-id")).toMatch(/^req_/);
  });

  test("the log has it, and neither prompt nor subject", async () => {
    const id = await begin({ "x-echo-subject": "subject-seven" });
    await say(
      id,
      "a very private thing",
      {},
      {
        "x-request-id": "mine-2",
        "x-echo-subject": "subject-seven",
      },
    );
    const text = JSON.stringify(engine.log);
    expect(text).toContain("mine-2");
    expect(text).not.toContain("private");
    expect(text).not.toContain("subject-seven");
  });
});
