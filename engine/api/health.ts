/** Health, metrics and the OpenAPI document: what probes, scrapers and tools ask for. */
import { paths } from "../contract/endpoints.ts";
import type { Dialect, Engine, Route } from "./call.ts";
import { renderProblem } from "./main/problem.ts";
import { Health, Started } from "./main/schemas.ts";
import { renderOpenApi } from "./openapi.ts";
import { json } from "./reply.ts";

export interface HealthOptions {
  engine: Engine;
  /** Of these routes the OpenAPI document is made. */
  described: () => Route[];
}

const ownPaths: readonly string[] = [
  paths.live,
  paths.started,
  paths.ready,
  paths.cognition,
  paths.metrics,
  paths.openapi,
];

export function createHealthDialect({ engine, described }: HealthOptions): Dialect {
  return {
    name: "health",
    renderError: renderProblem,
    owns: path => ownPaths.includes(path),
    routes: [...healthRoutes(engine), ...documentRoutes(engine, described)],
  };
}

/** For the port of the compatible dialects: alive, and nothing more. */
export function createLiveDialect(engine: Engine): Dialect {
  const routes = healthRoutes(engine).filter(route => route.path === paths.live);
  return { name: "health", renderError: renderProblem, owns: path => path === paths.live, routes };
}

function healthRoutes(engine: Engine): Route[] {
  const open = (
    path: string,
    summary: string,
    handle: Route["handle"],
    schema: typeof Health | typeof Started = Health,
  ): Route => ({
    method: "GET",
    path,
    access: "open",
    handle,
    describe: {
      summary,
      replies: {
        200: { description: "Yes.", schema },
        503: { description: "No, and why.", schema: Health },
      },
    },
  });
  return [
    open(paths.live, "Whether the process makes progress, whatever the models do.", () =>
      json({ status: "ok", reasons: [] }),
    ),
    open(
      paths.started,
      "Whether the configuration is read and the stores are open.",
      () => json(toStarted(engine)),
      Started,
    ),
    open(paths.ready, "Whether every required model can answer.", () => readiness(engine)),
    open(paths.cognition, "Whether memory works.", () => cognition(engine)),
  ];
}

function toStarted(engine: Engine) {
  const { version, instance, startedMs } = engine;
  const started = new Date(startedMs).toISOString();
  return { status: "ok", version, instance, pid: process.pid, started };
}

function readiness(engine: Engine): Response {
  const { ready, reasons } = engine.stopping()
    ? { ready: false, reasons: ["the engine is about to stop"] }
    : engine.models.readiness();
  return json({ status: ready ? "ok" : "failed", reasons }, { status: ready ? 200 : 503 });
}

/** Degraded still answers 200: inference goes on, and the reason is there to read. */
async function cognition(engine: Engine): Promise<Response> {
  const { status, reason } = await engine.stores.health();
  const memory = { status, reasons: reason === undefined ? [] : [reason] };
  return json({ ...memory, parts: { memory } }, { status: status === "failed" ? 503 : 200 });
}

function documentRoutes(engine: Engine, described: () => Route[]): Route[] {
  return [
    {
      method: "GET",
      path: paths.metrics,
      // Behind a key as soon as there are keys: series name models.
      access: "use",
      handle: () =>
        new Response(engine.telemetry.metrics.render(), {
          headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        }),
    },
    {
      method: "GET",
      path: paths.openapi,
      access: "open",
      handle: () => json(renderOpenApi(described(), engine.version)),
    },
  ];
}
