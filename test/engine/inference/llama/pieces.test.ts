/** The small parts of the llama backend: characters, sequences, the gate, the child's environment. */
import { describe, expect, it } from "vitest";
import { chooseGpu } from "../../../../engine/inference/llama/compute-device.ts";
import { createComputeGate } from "../../../../engine/inference/llama/compute-gate.ts";
import { toChildEnvironment } from "../../../../engine/inference/llama/inference-process.ts";
import { chooseSequence } from "../../../../engine/inference/llama/sequences.ts";
import { createTokenText } from "../../../../engine/inference/llama/token-text.ts";

describe("token text", () => {
  const bytes = (tokens: number[]) => new TextDecoder().decode(Uint8Array.from(tokens));

  it("gives whole characters however they are cut", () => {
    const text = createTokenText(bytes);
    const given = [...new TextEncoder().encode("é🎉x")].map(byte => text.push(byte));
    expect(given).toEqual(["", "é", "", "", "", "🎉", "x"]);
    expect(text.flush()).toBe("");
  });

  it("shows bytes that nothing completes", () => {
    const text = createTokenText(bytes);
    expect(text.push(0xc3)).toBe("");
    expect(text.flush()).toBe("\uFFFD");
  });
});

describe("choice of a sequence", () => {
  const held = (scope: string | undefined, tokens: number[], usedAt = 0, busy = false) => ({
    scope,
    tokens,
    usedAt,
    busy,
  });

  it("takes the longest common beginning of the same scope", () => {
    const sequences = [held("a", [1, 2]), held("a", [1, 2, 3, 9]), held("b", [1, 2, 3, 4])];
    expect(chooseSequence(sequences, "a", [1, 2, 3, 4, 5])).toEqual({ index: 1, keep: 3 });
  });

  it("never shares with another scope", () => {
    expect(chooseSequence([held("b", [1, 2, 3])], "a", [1, 2, 3, 4])).toEqual({
      index: 0,
      keep: 0,
    });
  });

  it("takes an empty one before the one that was used longest ago", () => {
    const sequences = [held("b", [1], 5), held(undefined, [], 9), held("c", [1], 2)];
    expect(chooseSequence(sequences, "a", [1, 2])?.index).toBe(1);
    expect(chooseSequence(sequences.toSpliced(1, 1), "a", [1, 2])?.index).toBe(1);
  });

  it("always leaves one token to evaluate, and knows when all are busy", () => {
    expect(chooseSequence([held("a", [1, 2, 3])], "a", [1, 2])?.keep).toBe(1);
    expect(chooseSequence([held("a", [], 0, true)], "a", [1])).toBeUndefined();
  });
});

describe("compute gate", () => {
  it("lets nothing compute without threads and changes them between batches", async () => {
    const said: string[] = [];
    const gate = createComputeGate({
      apply: threads => said.push(`apply ${threads}`),
      confirm: grant => said.push(`confirm ${grant}`),
    });
    const first = gate.enter().then(() => said.push("in"));
    await Promise.resolve();
    gate.grant(2, 1);
    await first;
    gate.grant(1, 2);
    const second = gate.enter().then(() => said.push("in again"));
    expect(said).toEqual(["apply 2", "confirm 1", "in"]);
    gate.leave();
    await second;
    expect(said.slice(3)).toEqual(["apply 1", "confirm 2", "in again"]);
    gate.leave();
    gate.grant(0, 3);
    expect(said.at(-1)).toBe("confirm 3");
  });
});

describe("the child's surroundings", () => {
  it("holds what drivers read, one pool thread and no secrets", () => {
    const environment = { PATH: "/bin", HF_TOKEN: "secret", CUDA_VISIBLE_DEVICES: "0" };
    expect(toChildEnvironment(environment)).toEqual({
      PATH: "/bin",
      CUDA_VISIBLE_DEVICES: "0",
      UV_THREADPOOL_SIZE: "1",
    });
  });

  it("looks for a GPU only where there are signs of one", () => {
    expect(chooseGpu("linux", () => false)).toBe(false);
    expect(chooseGpu("linux", path => path === "/dev/nvidia0")).toBe("auto");
    expect(chooseGpu("darwin", () => false)).toBe("auto");
  });
});
