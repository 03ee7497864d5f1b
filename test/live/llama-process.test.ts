/** The inference process: it ends with its engine, gives up after too many deaths, and shares the cores with others. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { limits } from "../../engine/contract/limits.ts";
import { createCores } from "../../engine/inference/cores.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { collect, doneOf } from "../conformance/backend.ts";
import { createModelFolder, openModel } from "./llama-support.ts";

const models = createModelFolder();
const tiny = models.write("tiny", { seed: 7, contextLength: 512 });
afterAll(models.remove);

const ask = (maxTokens: number, cacheScope = "s") => ({
  input: { kind: "prompt" as const, prompt: "Once upon a time" },
  sampling: { temperature: 0 },
  format: {
    type: "schema" as const,
    schema: { type: "array", items: { const: 7 }, minItems: maxTokens, maxItems: maxTokens },
  },
  cacheScope,
});

describe("inference process", () => {
  it("ends by itself when the engine is killed", async () => {
    const entry = fileURLToPath(new URL("llama-parent.ts", import.meta.url));
    const parent = spawn(process.execPath, [entry, tiny], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface(parent.stdout), "line");
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    while (isAlive(pid)) await wait(10);
  });

  it("is not started again after it died too often, and says why", async () => {
    const { backend, lines } = await openModel(tiny);
    try {
      for (let death = 0; death <= limits.childCrashesMax; death++) {
        await collect(backend, ask(1));
        const pid = backend.pid() ?? 0;
        process.kill(pid, "SIGKILL");
        while (isAlive(pid)) await wait(5);
      }
      const error = await collect(backend, ask(1)).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "model_not_ready" });
      expect(lines.filter(line => line.includes("inference process ended"))).toHaveLength(
        limits.childCrashesMax + 1,
      );
    } finally {
      await backend.close();
    }
  });

  it("takes turns with others when there are fewer cores than models", async () => {
    const cores = createCores({ usable: 1, clock: systemClock, sliceMs: 20 });
    const opened = await Promise.all([1, 2].map(() => openModel(tiny, {}, { cores })));
    try {
      let most = 0;
      const replies = await Promise.all(
        opened.map(({ backend }) =>
          collect(backend, ask(80), undefined, () => {
            most = Math.max(most, cores.inUse());
          }),
        ),
      );
      for (const items of replies) expect(doneOf(items).reason).toBe("stop");
      expect(most).toBe(1);
      expect(cores.inUse()).toBe(0);
    } finally {
      for (const { backend } of opened) await backend.close();
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
