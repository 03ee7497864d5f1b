/** Counters that gateways share in a Valkey (or Redis); while it is away each gateway counts for itself. */
import { Redis, type RedisOptions } from "iovalkey";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { Clock } from "../kit/clock.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { Claim, Counters, Taken } from "./counters.ts";
import { createMemoryCounters, quotaState } from "./counters-memory.ts";
import { settleScript, takeScript } from "./valkey-scripts.ts";

export interface ValkeyCountersOptions {
  /** redis://user:password@host:6379/0, or rediss://; never shown, never logged. */
  url: string;
  /** Of all keys: installations that share a Valkey have different ones. */
  prefix?: string;
  clock: Clock;
  telemetry: Telemetry;
}

/** After an answer that did not come: a Valkey that hangs shall not hold up every request. */
const restMs = 1_000;

/** @throws EngineError invalid_config when the URL is none */
export function createValkeyCounters(options: ValkeyCountersOptions): Counters {
  const { clock, telemetry } = options;
  const prefix = options.prefix ?? "echorator";
  const alone = createMemoryCounters({ clock });
  const client = connect(options.url);
  let isShared = true;
  let askAgainMs = 0;
  let isClosed = false;
  const connected = new Promise<void>(resolve => client.once("ready", () => resolve()));

  // Without a listener the driver writes to the console. What is wrong is seen by the next command.
  client.on("error", () => undefined);
  const stopCollecting = telemetry.metrics.onCollect(() =>
    telemetry.metrics.set("echorator_counters_shared", {}, isShared ? 1 : 0),
  );

  function note(works: boolean): void {
    if (!works) askAgainMs = clock.monotonic() + restMs;
    if (works === isShared || isClosed) return;
    isShared = works;
    if (works) telemetry.log.info("Valkey is back: gateways share their counters again");
    else telemetry.log.warn("Valkey is away: this gateway counts limits for itself alone");
  }

  const isResting = () => !isShared && clock.monotonic() < askAgainMs;

  const toKey = (claim: Claim) => `${prefix}:quota:${claim.key}`;

  async function run(script: string, claims: readonly Claim[], args: number[]): Promise<number[]> {
    const reply: unknown = await client.eval(script, claims.length, ...claims.map(toKey), ...args);
    if (Array.isArray(reply)) return reply.map(Number);
    throw new Error("an answer that is no list");
  }

  async function takeShared(claims: readonly Claim[]): Promise<Taken> {
    const args = claims.flatMap(({ amount, limit, windowMs }) => [amount, limit, windowMs]);
    const [refused = 0, ...figures] = await run(takeScript, claims, args);
    const ends: number[] = [];
    const states = claims.map((claim, index) => {
      const [used = 0, endsMs = 0, untilEndMs = 0] = figures.slice(index * 3);
      ends.push(endsMs);
      return quotaState(claim, used, untilEndMs);
    });
    if (refused > 0) return { granted: false, states, refused: refused - 1 };
    return { granted: true, states, settle: actual => settle(claims, ends, actual) };
  }

  async function settle(
    claims: readonly Claim[],
    ends: readonly number[],
    actual: readonly number[],
  ): Promise<void> {
    const args = claims.flatMap(({ amount }, index) => [
      (actual[index] ?? amount) - amount,
      ends[index] ?? 0,
    ]);
    // When it is lost, the claim counts in full until its window ends.
    if (isResting()) return;
    await run(settleScript, claims, args).catch(() => note(false));
  }

  return {
    take: async claims => {
      if (isResting()) return await alone.take(claims);
      // The first requests after a start need not count alone because the connection takes a moment.
      if (client.status !== "ready" && isShared && !isClosed)
        await Promise.race([connected, clock.sleep(limits.cacheCommandMsMax)]);
      try {
        const taken = await takeShared(claims);
        note(true);
        return taken;
      } catch {
        note(false);
        return await alone.take(claims);
      }
    },
    health: () =>
      isShared
        ? { status: "ok", reason: undefined }
        : {
            status: "degraded",
            reason: "Valkey cannot be reached: each gateway counts limits for itself.",
          },
    close: async () => {
      isClosed = true;
      stopCollecting();
      client.disconnect();
      await alone.close();
    },
  };
}

function connect(url: string): Redis {
  const text = url.trim();
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed === undefined || !/^(rediss?|valkeys?|unix):$/.test(parsed.protocol))
    throw new EngineError("invalid_config", "The URL of the shared cache is no URL of a Valkey.", {
      field: "stores.cacheUrlFile",
      remedy: "Write redis://user:password@host:6379/0 into the file; % for what is special.",
    });
  return new Redis({
    ...toAddress(parsed),
    // A request is answered by counting alone rather than held up.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: limits.cacheCommandMsMax,
    connectTimeout: 2_000,
    retryStrategy: times => Math.min(100 * times, 2_000),
    connectionName: "echorator",
  });
}

/** redis://user:password@host:port/database · rediss:// with TLS · unix:///path?password=… */
function toAddress(url: URL): RedisOptions {
  const password = decodeURIComponent(url.password || (url.searchParams.get("password") ?? ""));
  const username = decodeURIComponent(url.username);
  const path = decodeURIComponent(url.pathname);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    ...(url.protocol === "unix:"
      ? { path }
      : { host, port: Number(url.port || 6379), db: Number(path.slice(1) || 0) }),
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password }),
    ...(/^(rediss|valkeys):$/.test(url.protocol) ? { tls: { servername: host } } : {}),
  };
}
