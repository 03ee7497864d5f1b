/** The Admin API: models and configuration of a running engine; always behind an admin key. */
import { z } from "zod";
import { EngineConfig, KeySpec } from "../../contract/config.ts";
import { paths } from "../../contract/endpoints.ts";
import { ModelSpec } from "../../contract/model.ts";
import type { Dialect, Engine, Route } from "../call.ts";
import { JsonObject } from "../fields.ts";
import { renderProblem } from "../main/problem.ts";
import { changeConfig, showConfig } from "./config.ts";
import { deleteKey, putKey } from "./keys.ts";
import { deleteModel, listStatuses, putModel, showStatus } from "./models.ts";

const owner = { owner: "`stack` or `client` (the default)." };

const ModelStatusSchema = z.looseObject({
  spec: ModelSpec,
  owner: z.enum(["stack", "client"]),
  state: z.enum(["pending", "fetching", "loading", "ready", "unloaded", "failed"]),
});

const ConfigChange = z.object({
  applied: z.array(z.string()).describe("Settings that hold from now on."),
  needsRestart: z.array(z.string()).describe("Settings that wait for the next start."),
});

export function createAdminDialect(engine: Engine): Dialect {
  return {
    name: "admin",
    renderError: renderProblem,
    owns: path => path.startsWith("/api/v1/admin/"),
    routes: [...modelRoutes(engine), ...configRoutes(engine), ...keyRoutes(engine)],
  };
}

function modelRoutes(engine: Engine): Route[] {
  const one = `${paths.adminModels}/:name`;
  return [
    {
      method: "GET",
      path: paths.adminModels,
      access: "admin",
      handle: () => listStatuses(engine),
      describe: {
        summary: "Every model with all that is known of it.",
        replies: {
          200: {
            description: "The models.",
            schema: z.object({ data: z.array(ModelStatusSchema) }),
          },
        },
      },
    },
    {
      method: "GET",
      path: one,
      access: "admin",
      handle: call => showStatus(engine, call),
      describe: {
        summary: "One model.",
        replies: { 200: { description: "Its status.", schema: ModelStatusSchema } },
      },
    },
    {
      method: "PUT",
      path: one,
      access: "admin",
      handle: call => putModel(engine, call),
      describe: {
        summary: "Serve a model as the specification says; idempotent.",
        query: owner,
        body: ModelSpec,
        replies: {
          200: {
            description: "A status at each change; the last is the model as wanted, or an error.",
            stream: ModelStatusSchema,
            streamType: "ndjson",
          },
        },
      },
    },
    {
      method: "DELETE",
      path: one,
      access: "admin",
      handle: call => deleteModel(engine, call),
      describe: {
        summary: "Serve a model no longer.",
        query: owner,
        replies: {
          200: {
            description: "It is unloaded; its weights stay.",
            schema: z.object({ name: z.string(), deleted: z.literal(true) }),
          },
        },
      },
    },
  ];
}

function configRoutes(engine: Engine): Route[] {
  return [
    {
      method: "GET",
      path: paths.adminConfig,
      access: "admin",
      handle: () => showConfig(engine),
      describe: {
        summary: "The running configuration.",
        replies: { 200: { description: "Without the digests of keys.", schema: JsonObject } },
      },
    },
    {
      method: "PATCH",
      path: paths.adminConfig,
      access: "admin",
      handle: call => changeConfig(engine, call),
      describe: {
        summary: "Change settings until the next restart.",
        body: EngineConfig,
        replies: { 200: { description: "What holds now and what waits.", schema: ConfigChange } },
      },
    },
  ];
}

function keyRoutes(engine: Engine): Route[] {
  const one = `${paths.adminKeys}/:name`;
  return [
    {
      method: "PUT",
      path: one,
      access: "admin",
      handle: call => putKey(engine, call),
      describe: {
        summary: "Set a key by its digest, until the next restart; idempotent.",
        body: KeySpec,
        replies: { 200: { description: "The key, without its digest.", schema: JsonObject } },
      },
    },
    {
      method: "DELETE",
      path: one,
      access: "admin",
      handle: call => deleteKey(engine, call),
      describe: {
        summary: "Take a key back, until the next restart.",
        replies: {
          200: {
            description: "It opens nothing any more.",
            schema: z.object({ name: z.string(), deleted: z.literal(true) }),
          },
        },
      },
    },
  ];
}
