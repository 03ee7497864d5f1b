/** The scripted backend keeps the promises of a backend and answers by its rules. */
import { describe, expect, it } from "vitest";
import type { Message } from "../../../engine/contract/chat.ts";
import { createScriptedBackend } from "../../../engine/inference/scripted.ts";
import { collect, describeBackend, textOf } from "../../conformance/backend.ts";

describeBackend("scripted", async () => {
  const backend = createScriptedBackend({ contextTokens: 512, slots: 2, queueLength: () => 3 });
  return { backend, queueLength: 3, crash: backend.crash, isExact: true };
});

describe("scripted rules", () => {
  const ask = async (messages: Message[]) => {
    const backend = createScriptedBackend();
    const input = { kind: "messages" as const, messages };
    return textOf(await collect(backend, { input, cacheScope: "s" }));
  };

  it("repeats what it was told", async () => {
    expect(
      await ask([
        { role: "user", content: "My name is Zelmira." },
        { role: "assistant", content: "Hello Zelmira." },
        { role: "user", content: "What is my name?" },
      ]),
    ).toBe("Your name is Zelmira.");
  });

  it("does not know what nobody told", async () => {
    expect(await ask([{ role: "user", content: "What is my favourite colour?" }])).toBe(
      "I do not know your favourite colour.",
    );
  });

  it("answers from a tool's result", async () => {
    expect(await ask([{ role: "tool", content: "17 degrees" }])).toBe("The tool says: 17 degrees");
  });

  it("says what the script says", async () => {
    const backend = createScriptedBackend({ script: () => ({ thought: "hm", text: "one two" }) });
    const items = await collect(backend, {
      input: { kind: "prompt", prompt: "x" },
      cacheScope: "s",
    });
    expect(items[0]).toMatchObject({ type: "thought", text: "hm" });
    expect(textOf(items)).toBe("one two");
  });
});
