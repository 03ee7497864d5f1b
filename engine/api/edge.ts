/** The way of every request: id, Host, Origin, key, route, handler, and whatever went wrong in the dialect's own form. */
import { Hono } from "hono";
import { headers } from "../contract/endpoints.ts";
import { EngineError } from "../contract/errors.ts";
import type { Authenticate, Peer } from "./access.ts";
import type { Call, Caller, Dialect, EdgeEngine, Route } from "./call.ts";
import { toEngineError } from "./errors.ts";
import { answerPreflight, checkHost, checkOrigin, corsHeaders } from "./origins.ts";

export interface EdgeOptions {
  engine: EdgeEngine;
  authenticate: Authenticate;
  /** The first that owns a path answers for it; the last owns what is left. */
  dialects: Dialect[];
}

export interface Edge {
  fetch(request: Request, peer: Peer): Promise<Response>;
  /** Resolves when every reply is wholly written. */
  idle(): Promise<void>;
}

/** What goes with one request through the router. */
interface Passage {
  request: Request;
  peer: Peer;
  requestId: string;
  arrivedMs: number;
  dialect: Dialect;
  route: string;
  written: Promise<void> | undefined;
}

type Bindings = { Bindings: { passage: Passage } };

export function createEdge(options: EdgeOptions): Edge {
  const { engine, dialects } = options;
  const router = createRouter(options);
  let running = 0;
  let whenIdle = Promise.withResolvers<void>();

  async function answer(passage: Passage): Promise<Response> {
    const { request, requestId, dialect } = passage;
    let origin: string | undefined;
    let response: Response;
    try {
      checkHost(request, engine.config().host);
      origin = checkOrigin(request);
      const asks = request.method === "OPTIONS" && origin !== undefined;
      response = asks
        ? answerPreflight(request, origin ?? "")
        : await router.fetch(request, { passage });
    } catch (thrown) {
      const log = engine.telemetry.log.with({ requestId });
      response = dialect.renderError(toEngineError(thrown, log), requestId);
    }
    response.headers.set(headers.requestId, requestId);
    if (origin !== undefined)
      for (const [name, value] of Object.entries(corsHeaders(origin)))
        response.headers.set(name, value);
    return response;
  }

  function settle(passage: Passage, response: Response): void {
    running -= 1;
    report(engine, passage, response.status);
    if (running > 0) return;
    whenIdle.resolve();
    whenIdle = Promise.withResolvers<void>();
  }

  return {
    idle: () => (running === 0 ? Promise.resolve() : whenIdle.promise),
    async fetch(request, peer) {
      const passage = toPassage(engine, dialects, request, peer);
      running += 1;
      const response = await answer(passage);
      if (passage.written === undefined) settle(passage, response);
      else void passage.written.then(() => settle(passage, response));
      return response;
    },
  };
}

function toPassage(engine: EdgeEngine, dialects: Dialect[], request: Request, peer: Peer): Passage {
  const path = new URL(request.url).pathname;
  return {
    request,
    peer,
    requestId: readRequestId(request) ?? engine.newId("req"),
    arrivedMs: engine.clock.monotonic(),
    dialect: dialects.find(dialect => dialect.owns(path)) ?? dialects.at(-1)!,
    route: "unknown",
    written: undefined,
  };
}

/** A client's own id is taken when it is fit for logs and headers. */
function readRequestId(request: Request): string | undefined {
  const given = request.headers.get(headers.requestId);
  return given !== null && /^[\w.:-]{1,128}$/.test(given) ? given : undefined;
}

function createRouter({ engine, dialects, authenticate }: EdgeOptions): Hono<Bindings> {
  const router = new Hono<Bindings>({ strict: true });
  const routes = dialects.flatMap(dialect => dialect.routes);
  for (const route of routes)
    router.on(route.method, [route.path], context => {
      const { passage } = context.env;
      const params = context.req.param() as Record<string, string>;
      return handle(engine, authenticate, route, passage, params);
    });
  for (const path of new Set(routes.map(route => route.path)))
    router.all(path, context => {
      const { dialect, requestId } = context.env.passage;
      const methods = routes.filter(route => route.path === path).map(route => route.method);
      const message = `${path} takes ${methods.join(", ")} only.`;
      const error = new EngineError("method_not_allowed", message);
      const response = dialect.renderError(error, requestId);
      response.headers.set("allow", methods.join(", "));
      return response;
    });
  router.notFound(context => {
    const { pathname } = new URL(context.req.url);
    throw new EngineError("not_found", `There is nothing at ${pathname}.`);
  });
  router.onError((error, context) => {
    const { dialect, requestId } = context.env.passage;
    return dialect.renderError(
      toEngineError(error, engine.telemetry.log.with({ requestId })),
      requestId,
    );
  });
  return router;
}

async function handle(
  engine: EdgeEngine,
  authenticate: Authenticate,
  route: Route,
  passage: Passage,
  params: Record<string, string>,
): Promise<Response> {
  passage.route = route.path;
  const caller = authenticate(passage.request, passage.peer, route.access);
  if (engine.stopping() && route.access !== "open")
    throw new EngineError("stopping", "The engine is about to stop.", { retryAfterSeconds: 5 });
  const call = toCall(engine, passage, caller, params);
  const response = await route.handle(call);
  passage.written = call.written;
  return response;
}

function toCall(
  engine: EdgeEngine,
  passage: Passage,
  caller: Caller,
  params: Record<string, string>,
): Call {
  const { request, requestId, arrivedMs } = passage;
  const gone = new AbortController();
  return {
    request,
    requestId,
    arrivedMs,
    caller,
    params,
    url: new URL(request.url),
    signal: AbortSignal.any([request.signal, gone.signal]),
    log: engine.telemetry.log.with({ requestId }),
    abandon: () => gone.abort(),
    written: undefined,
  };
}

function report({ telemetry, clock }: EdgeEngine, passage: Passage, status: number): void {
  const { request, requestId, route, arrivedMs, dialect } = passage;
  const ms = clock.monotonic() - arrivedMs;
  const labels = { dialect: dialect.name, route };
  telemetry.metrics.add("echorator_http_requests_total", {
    ...labels,
    status: `${Math.floor(status / 100)}xx`,
  });
  telemetry.metrics.observe("echorator_http_request_seconds", labels, ms / 1000);
  const fields = { requestId, method: request.method, route, status, ms: Math.round(ms) };
  if (dialect.name === "health") telemetry.log.debug("request", fields);
  else telemetry.log.info("request", fields);
}
