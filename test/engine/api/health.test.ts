/** What health says of parts that work less well than they should. */
import { expect, test } from "vitest";
import { paths } from "../../../engine/contract/endpoints.ts";
import { systemClock } from "../../../engine/kit/clock.ts";
import { createValkeyCounters } from "../../../engine/stores/valkey.ts";
import { startTestEngine } from "../../support/engine.ts";
import { quietTelemetry } from "../../support/worker.ts";

test("a Valkey that is away degrades the limits: said where operators look, and answered all the same", async () => {
  const counters = createValkeyCounters({
    url: "redis://127.0.0.1:1",
    prefix: "test",
    clock: systemClock,
    telemetry: quietTelemetry(),
  });
  const engine = await startTestEngine({ counters });
  try {
    await counters.take([{ key: "k", amount: 1, limit: 10, windowMs: 60_000 }]);
    const reply = await engine.ask(paths.cognition);
    expect(reply.status).toBe(200);
    expect(await reply.json()).toMatchObject({
      status: "degraded",
      reasons: [expect.stringMatching(/^limits of keys: ./)],
      parts: {
        memory: { status: "ok", reasons: [] },
        limits: { status: "degraded", reasons: [expect.any(String)] },
      },
    });
    expect((await engine.ask(paths.serving)).status).toBe(200);
  } finally {
    await engine.stop();
  }
});

test("limits that are counted as they should be are well", async () => {
  const engine = await startTestEngine();
  try {
    const health = await (await engine.ask(paths.cognition)).json();
    expect(health).toMatchObject({ status: "ok", parts: { limits: { status: "ok" } } });
  } finally {
    await engine.stop();
  }
});
