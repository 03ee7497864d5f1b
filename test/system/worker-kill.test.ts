/** Workers that are killed under load: no stream fails, and each says to the letter what it would have said. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { ModelSpec } from "../../engine/contract/model.ts";
import { createRoutedModels } from "../../engine/inference/routing/routed-models.ts";
import { createStaticCatalog } from "../../engine/inference/routing/static-catalog.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createSeededRandom } from "../../engine/kit/random.ts";
import { createWorkerOpener } from "../../engine/roles/worker-opener.ts";
import { createLog } from "../../engine/telemetry/log.ts";
import { createMetrics } from "../../engine/telemetry/metrics.ts";
import { writeTinyGguf } from "../support/gguf-writer.ts";
import { ask, say } from "../support/routing.ts";

const entry = fileURLToPath(new URL("scripted-worker.ts", import.meta.url));
const streams = 200;
const words = 60;
const ends: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface WorkerProcess {
  child: ChildProcess;
  port: number;
}

async function startWorker(folder: string, name: string, port: number): Promise<WorkerProcess> {
  const home = join(folder, name);
  const weights = join(folder, "tiny.gguf");
  const child = spawn(process.execPath, [entry, home, weights, String(port), "30"], {
    env: { PATH: process.env.PATH },
    stdio: ["pipe", "pipe", "inherit"],
  });
  ends.push(() => void child.kill("SIGKILL"));
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { child, port: Number(line) };
}

test(`kill -9 of workers under ${streams} streams`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "echorator-kill-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  writeTinyGguf(join(folder, "tiny.gguf"), { seed: 1 });
  const workers = await Promise.all(["a", "b", "c"].map(name => startWorker(folder, name, 0)));
  const log: { message?: string; time?: string }[] = [];
  const telemetry = {
    log: createLog({
      ...{ level: "info" as const, format: "json" as const, clock: systemClock },
      write: line => void log.push(JSON.parse(line)),
    }),
    metrics: createMetrics(),
  };
  const catalog = createStaticCatalog({
    models: [ModelSpec.parse({ name: "assistant", source: "bundled:echo-tiny" })],
    workers: { assistant: workers.map(({ port }) => `http://127.0.0.1:${port}`) },
  });
  const models = createRoutedModels({
    ...{ catalog, clock: systemClock, random: createSeededRandom(1), telemetry },
    openWorker: createWorkerOpener({ clock: systemClock, ...telemetry, workerKey: undefined }),
    holdSeconds: 60,
  });
  ends.push(() => models.close());
  const usable = 'echorator_workers{model="assistant",state="usable"} 3';
  await vi.waitFor(() => expect(telemetry.metrics.render()).toContain(usable), 20_000);

  const text = (index: number) =>
    Array.from({ length: words }, (_, word) => `w${index}-${word}`).join(" ");
  let done = 0;
  const replies = Array.from({ length: streams }, async (_, index) => {
    const reply = await ask(models, "assistant", say(text(index), `scope ${index}`));
    done += 1;
    return reply;
  });
  const all = Promise.allSettled(replies);
  /** Where the machine is busy the first is long: 200 requests begin in one breath, and it waits for a core. */
  const ejections: string[] = [];
  const restarts: Promise<unknown>[] = [];
  await vi.waitFor(() => expect(models.demand().get("assistant")?.running).toBe(streams));
  for (const [round, at] of [0, 0.1, 0.3].entries()) {
    await vi.waitFor(() => expect(done).toBeGreaterThanOrEqual(Math.floor(streams * at)), {
      ...{ timeout: 60_000, interval: 10 },
    });
    const worker = workers[round]!;
    const before = count("a worker is left out");
    const killedMs = performance.now();
    const own = process.cpuUsage();
    worker.child.kill("SIGKILL");
    await vi.waitFor(() => expect(count("a worker is left out")).toBeGreaterThan(before), {
      ...{ timeout: 10_000, interval: 2 },
    });
    const { user, system } = process.cpuUsage(own);
    ejections.push(
      `${(performance.now() - killedMs).toFixed(0)} (${((user + system) / 1_000).toFixed(0)} of its own work)`,
    );
    restarts.push(startWorker(folder, `again-${round}`, worker.port));
  }
  function count(message: string): number {
    return log.filter(line => line.message === message).length;
  }

  const results = await all;
  await Promise.all(restarts);
  const failed = results.filter(result => result.status === "rejected");
  const moved = /echorator_route_retries_total\{[^}]*\} (\d+)/.exec(
    telemetry.metrics.render(),
  )?.[1];
  process.stdout.write(
    `${streams} streams, 3 kills: ${failed.length} failed, ${moved} gone on with elsewhere, left out after ${ejections.join(", ")} ms\n`,
  );
  expect(failed.map(result => String(result.reason))).toEqual([]);
  for (const [index, result] of results.entries())
    if (result.status === "fulfilled") {
      expect(result.value.text).toBe(`You said: ${text(index)}`);
      const last = result.value.items.at(-1);
      expect(last?.type === "done" && last.usage.completionTokens).toBe(words + 2);
    }
  expect(Number(moved)).toBeGreaterThan(0);
});
