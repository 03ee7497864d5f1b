/** OpenAPI 3.1 of the described routes, from the very schemas that parse their requests. */
import { type ZodType, z } from "zod";
import type { Route, RouteDescription } from "./call.ts";
import { Problem } from "./main/schemas.ts";

type Json = { [key: string]: unknown };

const streamTypes = { sse: "text/event-stream", ndjson: "application/x-ndjson" } as const;

export function renderOpenApi(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    if (route.describe === undefined) continue;
    const path = toTemplate(route.path);
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: renderOperation(route, route.describe),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Echorator",
      version,
      description: "Language models you own, with a memory you own.",
    },
    paths,
    components: {
      securitySchemes: { key: { type: "http", scheme: "bearer" } },
      schemas: { Problem: toSchema(Problem, "output") },
    },
  };
}

/** `/a/:id` → `/a/{id}`. */
export function toTemplate(path: string): string {
  return path.replace(/:(\w+)(\{[^}]*\})?/g, "{$1}");
}

function renderOperation(route: Route, describe: RouteDescription): Json {
  return {
    summary: describe.summary,
    security: route.access === "open" ? [] : [{ key: [] }],
    parameters: [...pathParameters(route.path), ...queryParameters(describe)],
    ...(describe.body === undefined
      ? {}
      : { requestBody: { content: json(toSchema(describe.body, "input")) } }),
    responses: { ...renderReplies(describe), default: problem },
  };
}

const problem = {
  description: "What is wrong, where, and what to do.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

function renderReplies({ replies }: RouteDescription): Json {
  return Object.fromEntries(
    Object.entries(replies).map(([status, reply]) => [
      status,
      {
        description: reply?.description,
        content: {
          ...(reply?.schema === undefined ? {} : json(toSchema(reply.schema, "output"))),
          ...(reply?.stream === undefined || reply.streamType === undefined
            ? {}
            : { [streamTypes[reply.streamType]]: { schema: toSchema(reply.stream, "output") } }),
        },
      },
    ]),
  );
}

function json(schema: Json): Json {
  return { "application/json": { schema } };
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(match => ({
    name: match[1],
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters({ query = {} }: RouteDescription): Json[] {
  return Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    required: false,
    description,
    schema: { type: "string" },
  }));
}

/** A schema without the marks that only a whole document has. */
function toSchema(schema: ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
