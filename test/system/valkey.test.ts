/** Counters in a real Valkey: the suite of counters over two gateways, and what happens when it is away. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "iovalkey";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Clock, systemClock } from "../../engine/kit/clock.ts";
import type { Counters } from "../../engine/stores/counters.ts";
import { createValkeyCounters } from "../../engine/stores/valkey.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import { describeCounters } from "../conformance/counters.ts";
import { startTestEngine } from "../support/engine.ts";
import { createKeptLog } from "../support/kept-log.ts";
import { describeWith } from "../support/server-programs.ts";
import { startValkey, type ValkeyServer, valkeyProgram } from "../support/valkey-server.ts";

describeWith(valkeyProgram, "counters in a real Valkey", () => {
  let server: ValkeyServer;
  let client: Redis;
  let tests = 0;

  beforeAll(async () => {
    server = await startValkey();
    const { pathname } = new URL(server.url);
    client = new Redis(pathname, { password: server.password });
    client.on("error", () => undefined);
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.stop();
  });

  function createGateway(prefix: string, clock: Clock = systemClock) {
    const { log, lines } = createKeptLog();
    const metrics = createMetrics();
    const telemetry = { log, metrics };
    const counters = createValkeyCounters({
      url: server.url,
      prefix,
      clock,
      telemetry,
    });
    return { counters, lines, metrics };
  }

  /** Valkey's clock is nobody's to set: the ends of the windows are. */
  async function elapse(prefix: string, ms: number): Promise<void> {
    for (const key of await client.keys(`${prefix}:*`)) {
      const left = await client.pttl(key);
      expect(left, "every key ends by itself").toBeGreaterThan(0);
      if (left <= ms) await client.del(key);
      else {
        // One more: the window that follows shall not end when this one would have.
        await client.hincrby(key, "ends", -ms - 1);
        await client.pexpire(key, left - ms);
      }
    }
  }

  describeCounters("valkey", async () => {
    tests += 1;
    const prefix = `test${tests}`;
    const { counters } = createGateway(prefix);
    const { counters: others } = createGateway(prefix);
    return { counters, others, elapse: ms => elapse(prefix, ms) };
  });

  const one = { key: "k", amount: 1, limit: 2, windowMs: 60_000 };
  const takeAll = async (counters: Counters, times: number) => {
    let granted = 0;
    for (let index = 0; index < times; index++)
      if ((await counters.take([one])).granted) granted += 1;
    return granted;
  };

  test("while Valkey is away each gateway counts for itself and says so; then together again", async () => {
    const first = createGateway("away");
    const second = createGateway("away");
    try {
      expect(await takeAll(first.counters, 1)).toBe(1);
      await server.kill();
      expect(await takeAll(first.counters, 5)).toBe(2);
      expect(await takeAll(second.counters, 5)).toBe(2);
      expect(first.counters.health()).toMatchObject({ status: "degraded" });
      expect(first.metrics.render()).toContain("echorator_counters_shared 0");
      await server.start();
      while (first.counters.health().status !== "ok") {
        await first.counters.take([{ ...one, key: "other" }]);
        await systemClock.sleep(20);
      }
      expect(first.metrics.render()).toContain("echorator_counters_shared 1");
      expect(first.lines.filter(line => line.includes("Valkey is"))).toHaveLength(2);
      expect(first.lines.join("")).not.toContain(server.password);
    } finally {
      await first.counters.close();
      await second.counters.close();
    }
  });

  test("a Valkey that hangs holds no request up for long", async () => {
    let nowMs = 0;
    const clock = { ...systemClock, monotonic: () => nowMs };
    const { counters } = createGateway("hangs", clock);
    try {
      const taken = await counters.take([{ ...one, amount: 5 }]);
      server.pause();
      expect((await counters.take([one])).granted).toBe(true);
      if (taken.granted) await taken.settle([1]);
      server.resume();
      await takeAll(counters, 5);
      expect(counters.health().status, "not asked again by every request").toBe("degraded");
      nowMs += 60_000;
      while (counters.health().status !== "ok") await takeAll(counters, 1);
    } finally {
      server.resume();
      await counters.close();
    }
  });
});

describeWith(valkeyProgram, "two gateways on one Valkey", () => {
  test("give a key no more requests than its limit, and of tokens one reservation more at most", async () => {
    const server = await startValkey();
    const key = "the-key-of-the-test";
    const sha256 = createHash("sha256").update(key).digest("hex");
    const folder = mkdtempSync(join(tmpdir(), "echorator-cache-"));
    const cacheUrlFile = join(folder, "url");
    writeFileSync(cacheUrlFile, server.url);
    const limits = { requestsPerMinute: 30, tokensPerMinute: 400 };
    const config = {
      stores: { cacheUrlFile },
      keys: [{ name: "team", tenant: "acme", sha256, limits }],
    };
    const engines = [await startTestEngine({ config }), await startTestEngine({ config })];
    try {
      const ask = async (index: number) => {
        const response = await engines[index % 2]?.ask("/v1/chat/completions", {
          headers: { authorization: `Bearer ${key}` },
          body: {
            model: "assistant",
            messages: [{ role: "user", content: "Hello" }],
            max_tokens: 90,
          },
        });
        const body = (await response?.json()) as { usage?: { total_tokens: number } };
        return { status: response?.status, tokens: body.usage?.total_tokens ?? 0 };
      };
      const replies = await Promise.all(Array.from({ length: 80 }, (_, index) => ask(index)));
      for (let index = 0; index < 40; index++) replies.push(await ask(index));
      const answered = replies.filter(reply => reply.status === 200);
      expect(replies.every(reply => reply.status === 200 || reply.status === 429)).toBe(true);
      expect(answered.length).toBeLessThanOrEqual(30);
      expect(answered.reduce((sum, reply) => sum + reply.tokens, 0)).toBeLessThanOrEqual(400 + 92);
      expect(answered.length, "what was not used is given back").toBeGreaterThan(5);
    } finally {
      for (const engine of engines) await engine.stop();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

test("what is no URL of a Valkey is refused without being shown", () => {
  const { log } = createKeptLog();
  const telemetry = { log, metrics: createMetrics() };
  const url = "postgres://user:hush@host/db";
  const create = () => createValkeyCounters({ url, clock: systemClock, telemetry });
  expect(create).toThrow(/no URL of a Valkey/);
  expect(create).not.toThrow(/hush/);
});
