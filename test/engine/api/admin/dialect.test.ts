/** The Admin API: always behind a key; models and configuration of a running engine. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { homeLayout, paths } from "../../../../engine/contract/endpoints.ts";
import { readLines, startTestEngine, type TestEngine } from "../../../support/engine.ts";
import { runScenarios } from "../scenarios.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine.stop());

const headers = { authorization: "Bearer the-admin-key-of-the-test" };
const ask = (path: string, init: object = {}) => engine.ask(path, { headers, ...init });
const put = (name: string, spec: object, owner = "stack") =>
  ask(`${paths.adminModels}/${name}?owner=${owner}`, { method: "PUT", body: spec });

describe("keys", () => {
  runScenarios(
    () => engine,
    [paths.adminModels, `${paths.adminModels}/assistant`, paths.adminConfig].flatMap(path => [
      {
        name: `${path} wants a key, from this machine too`,
        path,
        status: 401,
        contains: ['"code":"unauthorized"', "admin.key"],
        headers: { "www-authenticate": "Bearer" },
      },
      {
        name: `${path} wants the right one`,
        path,
        init: { headers: { authorization: "Bearer guess" } },
        status: 401,
      },
      { name: `${path} is not on the other port`, path, port: "ollama" as const, status: 404 },
    ]),
  );
});

describe("models", () => {
  test("are put with a line at each change, again without any, and deleted", async () => {
    const spec = { name: "extra", source: `file://${engine.weights}`, slots: 2 };
    const response = await put("extra", spec);
    expect(response.headers.get("content-type")).toBe("application/x-ndjson");
    const lines = await readLines(response);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.at(-1)).toMatchObject({ state: "ready", owner: "stack", spec });
    expect(await readLines(await put("extra", spec))).toHaveLength(1);
    expect(await (await ask(`${paths.adminModels}/extra`)).json()).toMatchObject({
      state: "ready",
    });
    const record = readFileSync(join(engine.home, homeLayout.models), "utf8");
    expect(record).toContain('"extra"');
    const asClient = await ask(`${paths.adminModels}/extra`, { method: "DELETE" });
    expect(asClient.status).toBe(409);
    expect(await asClient.json()).toMatchObject({ code: "owned_by_stack" });
    const asStack = await ask(`${paths.adminModels}/extra?owner=stack`, { method: "DELETE" });
    expect(asStack.status).toBe(200);
    expect((await ask(`${paths.adminModels}/extra`)).status).toBe(404);
  });

  test("a failure is the last line, with its remedy", async () => {
    const lines = await readLines(
      await put("gone", { name: "gone", source: "file:///no/such.gguf" }),
    );
    expect(lines.at(-1)).toEqual({
      error: expect.objectContaining({ message: expect.any(String), remedy: expect.any(String) }),
    });
    await ask(`${paths.adminModels}/gone?owner=stack`, { method: "DELETE" });
  });

  test("a corrupt file is refused before anything native sees it", async () => {
    const path = join(engine.home, "corrupt.gguf");
    writeFileSync(path, "GGUF and then nothing of the kind");
    const lines = await readLines(
      await put("corrupt", { name: "corrupt", source: `file://${path}` }),
    );
    expect(lines.at(-1)).toMatchObject({ error: { code: "invalid_model_file" } });
    expect(engine.backends.has("corrupt")).toBe(false);
    expect((await engine.ask(paths.ready)).status).toBe(200);
    await ask(`${paths.adminModels}/corrupt?owner=stack`, { method: "DELETE" });
  });

  runScenarios(
    () => engine,
    [
      {
        name: "a path that names another model",
        path: `${paths.adminModels}/a`,
        init: { method: "PUT", headers, body: { name: "b", source: "bundled:x" } },
        status: 400,
        contains: ['"field":"name"'],
      },
      {
        name: "a source that is none",
        path: `${paths.adminModels}/a`,
        init: { method: "PUT", headers, body: { name: "a", source: "ftp://x" } },
        status: 400,
        contains: ['"field":"source"'],
      },
      {
        name: "an owner that is none",
        path: `${paths.adminModels}/a?owner=me`,
        init: { method: "PUT", headers, body: { name: "a", source: "bundled:x" } },
        status: 400,
        contains: ['"field":"owner"'],
      },
    ],
  );
});

describe("configuration", () => {
  test("is shown without digests of keys", async () => {
    const reply = await (await ask(paths.adminConfig)).json();
    expect(reply).toMatchObject({ host: "127.0.0.1", log: { level: "info" }, keys: [] });
  });

  test("changes live where it can, and says what waits", async () => {
    const patch = (body: object) => ask(paths.adminConfig, { method: "PATCH", body });
    const reply = await patch({
      log: { level: "debug" },
      memory: { compatible: "on" },
      ports: { main: 6000 },
    });
    expect(await reply.json()).toEqual({
      applied: ["memory.compatible", "log.level"],
      needsRestart: ["ports.main"],
    });
    const said = engine.log.length;
    await engine.ask(paths.live);
    expect(engine.log.slice(said)).toContainEqual(expect.objectContaining({ level: "debug" }));
    const messages = [{ role: "user", content: "hi" }];
    const chat = await engine.ask("/api/chat", { body: { model: "assistant", messages } });
    expect(chat.headers.get("x-echo-conversation")).toMatch(/^cnv_/);
    await chat.text();
    await patch({ log: { level: "info" }, memory: { compatible: "off" } });
  });

  test("a wrong change changes nothing", async () => {
    const before = await (await ask(paths.adminConfig)).json();
    const reply = await ask(paths.adminConfig, {
      method: "PATCH",
      body: { log: { level: "loud" }, auth: "none" },
    });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ code: "invalid_config", field: "log.level" });
    expect(await (await ask(paths.adminConfig)).json()).toEqual(before);
  });
});

describe("single keys", () => {
  const one = `${paths.adminKeys}/jane`;
  const sha256 = createHash("sha256").update("a key of jane").digest("hex");
  const asJane = () =>
    engine.ask(paths.models, {
      from: "192.0.2.7",
      headers: { authorization: "Bearer a-key-of-jane" },
    });

  test("open what they are for until they are taken back", async () => {
    const digest = createHash("sha256").update("a-key-of-jane").digest("hex");
    expect((await asJane()).status).toBe(401);
    const made = await ask(one, { method: "PUT", body: { name: "jane", sha256: digest } });
    expect(await made.json()).toEqual({ name: "jane", tenant: "default", scopes: ["use"] });
    expect((await asJane()).status).toBe(200);
    expect(await (await ask(paths.adminConfig)).json()).toMatchObject({ keys: [{ name: "jane" }] });
    expect((await ask(one, { method: "DELETE" })).status).toBe(200);
    expect((await asJane()).status).toBe(401);
  });

  runScenarios(
    () => engine,
    [
      {
        name: "one that is not there cannot be taken back",
        path: one,
        init: { method: "DELETE", headers },
        status: 404,
        contains: ["jane"],
      },
      {
        name: "another name than the path's is refused",
        path: one,
        init: { method: "PUT", headers, body: { name: "joe", sha256 } },
        status: 400,
        contains: ['"field":"name"'],
      },
      {
        name: "a key itself is refused where its digest belongs",
        path: one,
        init: { method: "PUT", headers, body: { name: "jane", sha256: "a key of jane" } },
        status: 400,
        contains: ["sha256"],
      },
    ],
  );
});

test("the home holds what should be served, and nothing secret of the configuration", () => {
  expect(existsSync(join(engine.home, homeLayout.models))).toBe(true);
});
