/** The OpenAPI document and the routes hold the same, both ways. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createAdminDialect } from "../../../engine/api/admin/dialect.ts";
import type { Route } from "../../../engine/api/call.ts";
import { createHealthDialect } from "../../../engine/api/health.ts";
import { createMainDialect } from "../../../engine/api/main/dialect.ts";
import { createOllamaDialect } from "../../../engine/api/ollama/dialect.ts";
import { createOpenAiDialect } from "../../../engine/api/openai/dialect.ts";
import { toTemplate } from "../../../engine/api/openapi.ts";
import { paths } from "../../../engine/contract/endpoints.ts";
import { readJson, startTestEngine, type TestEngine } from "../../support/engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startTestEngine();
});
afterAll(() => engine.stop());

interface OpenApi {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

interface Operation {
  parameters: object[];
  requestBody?: { content: Record<string, { schema: { required?: string[] } }> };
  responses: Record<string, { content: object }>;
}

/** The document itself and the metrics have formats of their own. */
const undescribed = [`GET ${paths.metrics}`, `GET ${paths.openapi}`];

function toLine(route: Route): string {
  return `${route.method} ${toTemplate(route.path)}`;
}

test("every route of main, admin and health is described, and nothing else", async () => {
  const { engine: inner } = engine.app;
  const routes = [
    ...createHealthDialect({ engine: inner, described: () => [] }).routes,
    ...createMainDialect(inner).routes,
    ...createAdminDialect(inner).routes,
  ];
  const document = await readJson<OpenApi>(await engine.ask(paths.openapi));
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map(method => `${method.toUpperCase()} ${path}`),
  );
  const expected = routes.map(toLine).filter(line => !undescribed.includes(line));
  expect(described.sort()).toEqual(expected.sort());
});

test("the document is OpenAPI 3.1 with the schemas that parse the requests", async () => {
  const document = await readJson<OpenApi>(await engine.ask(paths.openapi));
  expect(document.openapi).toBe("3.1.0");
  const turn = document.paths["/api/v1/conversations/{id}/turns"]?.post;
  const body = turn?.requestBody?.content["application/json"]?.schema;
  expect(body?.required).toEqual(["model", "content"]);
  expect(turn?.parameters).toEqual([
    { name: "id", in: "path", required: true, schema: { type: "string" } },
  ]);
  expect(Object.keys(turn?.responses["200"]?.content ?? {})).toEqual([
    "application/json",
    "text/event-stream",
  ]);
  expect(JSON.stringify(document)).not.toContain('"$schema"');
});

test("no two dialects have the same route, and each owns its own", () => {
  const { engine: inner } = engine.app;
  const dialects = [
    createHealthDialect({ engine: inner, described: () => [] }),
    createAdminDialect(inner),
    createOpenAiDialect(inner),
    createOllamaDialect(inner),
    createMainDialect(inner),
  ];
  const lines = dialects.flatMap(dialect => dialect.routes.map(toLine));
  expect(new Set(lines).size).toBe(lines.length);
  for (const dialect of dialects)
    for (const route of dialect.routes) {
      const path = toTemplate(route.path).replace(/\{\w+\}/g, "x");
      expect([path, dialects.find(one => one.owns(path))?.name]).toEqual([path, dialect.name]);
    }
});
