/** One way to write a test of an endpoint: a request, and what its reply holds. */
import { expect, test } from "vitest";
import type { AskInit, TestEngine } from "../../support/engine.ts";

export interface Scenario {
  name: string;
  path: string;
  init?: AskInit;
  /** Asks the port of Ollama's dialects instead of the main one. */
  port?: "ollama";
  status: number;
  /** Each is a piece of the reply's body. */
  contains?: string[];
  excludes?: string[];
  headers?: Record<string, string | RegExp>;
}

export function runScenarios(engine: () => TestEngine, scenarios: Scenario[]): void {
  test.each(scenarios)("$name", async scenario => {
    const { ask, askOllama } = engine();
    const response = await (scenario.port === "ollama" ? askOllama : ask)(
      scenario.path,
      scenario.init,
    );
    const text = await response.text();
    expect(`${response.status} ${text}`).toMatch(new RegExp(`^${scenario.status} `));
    for (const piece of scenario.contains ?? []) expect(text).toContain(piece);
    for (const piece of scenario.excludes ?? []) expect(text).not.toContain(piece);
    for (const [name, value] of Object.entries(scenario.headers ?? {}))
      expect(response.headers.get(name) ?? "").toMatch(value);
  });
}
