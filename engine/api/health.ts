/** Health, metrics and the OpenAPI document: what probes, scrapers and tools ask for. */
import { paths } from "../contract/endpoints.ts";
import type { Counters } from "../stores/counters.ts";
import type { Stores } from "../stores/store.ts";
import type { Access, Dialect, HealthEngine, Readiness, Route } from "./call.ts";
import { renderProblem } from "./main/problem.ts";
import { Health, Started } from "./main/schemas.ts";
import { renderOpenApi } from "./openapi.ts";
import { json } from "./reply.ts";

export interface HealthOptions {
  engine: HealthEngine;
  /** Of these routes the OpenAPI document is made. */
  described: () => Route[];
  /** Series name models, so that metrics are behind a key where there are keys of people. */
  metrics?: Access;
}

const ownPaths: readonly string[] = [
  paths.live,
  paths.serving,
  paths.started,
  paths.ready,
  paths.cognition,
  paths.metrics,
  paths.openapi,
];

export function createHealthDialect(options: HealthOptions): Dialect {
  const { engine } = options;
  return {
    name: "health",
    renderError: renderProblem,
    owns: path => ownPaths.includes(path),
    routes: [...healthRoutes(engine), ...documentRoutes(options)],
  };
}

/** For the port of the compatible dialects: alive, and nothing more. */
export function createLiveDialect(engine: HealthEngine): Dialect {
  const routes = healthRoutes(engine).filter(route => route.path === paths.live);
  return { name: "health", renderError: renderProblem, owns: path => path === paths.live, routes };
}

function healthRoutes(engine: HealthEngine): Route[] {
  const { models, stores, counters } = engine;
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
    open(paths.serving, "Whether new requests should be sent here.", async () =>
      renderReadiness(engine, await engine.serving()),
    ),
    ...(models === undefined
      ? []
      : [
          open(paths.ready, "Whether every required model can answer.", () =>
            renderReadiness(engine, models.readiness()),
          ),
        ]),
    ...(stores === undefined
      ? []
      : [
          open(paths.cognition, "Whether memory and the keys' limits work.", () =>
            cognition(stores, counters),
          ),
        ]),
  ];
}

function toStarted(engine: HealthEngine) {
  const { version, instance, startedMs } = engine;
  const started = new Date(startedMs).toISOString();
  return { status: "ok", version, instance, pid: process.pid, started };
}

function renderReadiness(engine: HealthEngine, asked: Readiness): Response {
  const { ready, reasons } = engine.stopping()
    ? { ready: false, reasons: ["the engine is about to stop"] }
    : asked;
  return json({ status: ready ? "ok" : "failed", reasons }, { status: ready ? 200 : 503 });
}

/** Degraded still answers 200: inference goes on, and the reason is there to read. */
async function cognition(
  stores: Pick<Stores, "health">,
  counters: Pick<Counters, "health"> | undefined,
): Promise<Response> {
  const memory = toPart(await stores.health());
  const limits = toPart(counters?.health() ?? { status: "ok", reason: undefined });
  const isDegraded = memory.status === "ok" && limits.status === "degraded";
  const status = isDegraded ? "degraded" : memory.status;
  const reasons = [...memory.reasons, ...limits.reasons.map(reason => `limits of keys: ${reason}`)];
  const whole = { status, reasons, parts: { memory, limits } };
  return json(whole, { status: status === "failed" ? 503 : 200 });
}

function toPart<Status>({ status, reason }: { status: Status; reason: string | undefined }) {
  return { status, reasons: reason === undefined ? [] : [reason] };
}

function documentRoutes({ engine, described, metrics = "use" }: HealthOptions): Route[] {
  return [
    {
      method: "GET",
      path: paths.metrics,
      access: metrics,
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
