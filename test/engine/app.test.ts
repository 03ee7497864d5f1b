/** The engine as a whole, in process: who may do what, whose memory it is, and how it ends. */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { paths } from "../../engine/contract/endpoints.ts";
import { makeHome, startTestEngine, type TestEngine } from "../support/engine.ts";

const digest = (key: string) => createHash("sha256").update(key).digest("hex");
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

describe("an engine with keys", () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({
      config: {
        host: "0.0.0.0",
        keys: [
          { name: "acme", tenant: "acme", sha256: digest("acme-key") },
          { name: "globex", tenant: "globex", sha256: digest("globex-key") },
        ],
      },
    });
  });
  afterAll(() => engine.stop());

  const chat = (headers: Record<string, string>, content: string, user?: string) =>
    engine.ask("/v1/chat/completions", {
      headers: { ...headers, "x-echo-memory": "on" },
      body: { model: "assistant", messages: [{ role: "user", content }], user },
      from: "192.0.2.1",
    });

  test("a tenant never hears what another one said", async () => {
    await (await chat(bearer("acme-key"), "My name is Acmea.")).text();
    expect(await (await chat(bearer("acme-key"), "What is my name?")).text()).toContain("Acmea");
    expect(await (await chat(bearer("globex-key"), "What is my name?")).text()).not.toContain(
      "Acmea",
    );
  });

  test("nor does one user of an application hear another", async () => {
    await (await chat(bearer("acme-key"), "My name is Userone.", "u1")).text();
    expect(await (await chat(bearer("acme-key"), "What is my name?", "u1")).text()).toContain(
      "Userone",
    );
    for (const user of ["u2", undefined])
      expect(await (await chat(bearer("acme-key"), "What is my name?", user)).text()).not.toContain(
        "Userone",
      );
  });

  test.each([
    ["/api/tags", '{"error":"'],
    ["/v1/models", '{"error":{"message"'],
    ["/api/v1/models", '"type":"urn:echorator:error:unauthorized"'],
    ["/metrics", '"code":"unauthorized"'],
  ])("%s refuses strangers in its dialect's form", async (path, form) => {
    const response = await engine.ask(path);
    expect(response.status).toBe(401);
    expect(await response.text()).toContain(form);
  });

  test.each(["/", paths.live, paths.started, paths.ready, paths.cognition, paths.openapi])(
    "%s needs no key",
    async path => {
      expect((await engine.ask(path, { from: "192.0.2.1" })).status).toBe(200);
    },
  );

  test("keys change while it runs", async () => {
    const headers = bearer("the-admin-key-of-the-test");
    const keys = [{ name: "new", tenant: "acme", sha256: digest("new-key") }];
    await engine.ask(paths.adminConfig, { method: "PATCH", headers, body: { keys } });
    expect((await engine.ask("/v1/models", { headers: bearer("new-key") })).status).toBe(200);
    expect((await engine.ask("/v1/models", { headers: bearer("acme-key") })).status).toBe(401);
  });
});

describe("an engine on loopback", () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startTestEngine({
      config: { inference: { queueLength: 0, requestSeconds: 1 } },
      models: [{ name: "narrow", source: "bundled:tiny-model", slots: 1 }],
      tokenMs: 20,
    });
  });
  afterAll(() => engine.stop());

  test("a stranger's page and a rebound name are refused", async () => {
    const page = await engine.ask("/api/tags", { headers: { origin: "https://evil.example" } });
    expect([page.status, await page.text()]).toEqual([
      403,
      expect.stringContaining("evil.example"),
    ]);
    const name = await engine.ask("/v1/models", { headers: { host: "evil.example" } });
    expect([name.status, await name.text()]).toEqual([
      403,
      expect.stringContaining("host_refused"),
    ]);
  });

  test("a page of this machine may ask first, and read", async () => {
    const origin = "http://localhost:3000";
    const headers = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type, x-stainless-os",
    };
    const first = await engine.ask("/api/chat", { method: "OPTIONS", headers });
    expect(first.status).toBe(204);
    expect(first.headers.get("access-control-allow-origin")).toBe(origin);
    expect(first.headers.get("access-control-allow-headers")).toContain("x-stainless-os");
    const second = await engine.ask("/api/tags", { headers: { origin } });
    expect(second.headers.get("access-control-allow-origin")).toBe(origin);
  });

  test("a request too many is refused with the time to come back", async () => {
    const body = { model: "narrow", messages: [{ role: "user", content: "one two three" }] };
    const first = await engine.ask("/api/chat", { body });
    const second = await engine.ask("/api/chat", { body });
    expect(second.status).toBe(503);
    expect(Number(second.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    await first.text();
    const third = await engine.ask("/api/chat", { body });
    expect(third.status).toBe(200);
    // Unread, it would keep its slot until the deadline.
    await third.text();
  });

  test("a client that goes away frees its slot", async () => {
    const gone = new AbortController();
    const body = {
      model: "narrow",
      messages: [{ role: "user", content: "word ".repeat(1_000) }],
    };
    await expect.poll(() => engine.backends.get("narrow")?.load().busySlots).toBe(0);
    const response = await engine.ask("/api/chat", { body, signal: gone.signal });
    expect(engine.backends.get("narrow")?.load().busySlots).toBe(1);
    gone.abort();
    await response.body?.cancel();
    await expect.poll(() => engine.backends.get("narrow")?.load().busySlots).toBe(0);
  });

  test("a request that takes too long is told so", async () => {
    const messages = [{ role: "user", content: "word ".repeat(1_000) }];
    const body = { model: "assistant", messages, stream: false };
    const response = await engine.ask("/api/chat", { body });
    expect([response.status, await response.text()]).toEqual([
      504,
      expect.stringContaining("longer than 1 seconds"),
    ]);
  });
});

test("memory outlives the engine", async () => {
  const home = makeHome();
  try {
    const say = async (engine: TestEngine, content: string) => {
      const messages = [{ role: "user", content }];
      const response = await engine.ask("/api/chat", {
        headers: { "x-echo-memory": "on" },
        body: { model: "assistant", messages, stream: false },
      });
      return response.text();
    };
    const before = await startTestEngine({ home });
    await say(before, "My name is Persis.");
    await before.stop();
    const after = await startTestEngine({ home });
    expect(await say(after, "What is my name?")).toContain("Your name is Persis.");
    await after.stop();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("a stopping engine is not ready, takes nothing new and finishes what it writes", async () => {
  const home = makeHome();
  const engine = await startTestEngine({ home, tokenMs: 10 });
  try {
    const messages = [{ role: "user", content: "one two three four five six seven" }];
    const running = await engine.ask("/api/chat", { body: { model: "assistant", messages } });
    const stopped = engine.app.stop(10_000);
    expect((await engine.ask(paths.ready)).status).toBe(503);
    expect((await engine.ask(paths.live)).status).toBe(200);
    const refused = await engine.ask("/api/tags");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await running.text()).toContain('"done":true,"done_reason":"stop"');
    await stopped;
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

test("what runs when the grace is over is told why it ends", async () => {
  const home = makeHome();
  const engine = await startTestEngine({ home, tokenMs: 10 });
  try {
    const messages = [{ role: "user", content: "word ".repeat(1_500) }];
    const running = await engine.ask("/api/chat", { body: { model: "assistant", messages } });
    const text = running.text();
    await engine.app.stop(30);
    expect((await text).trim().split("\n").at(-1)).toMatch(/^\{"error":".*stopp/);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
