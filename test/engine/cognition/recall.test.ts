/** Recall by example and over made-up histories. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { recall } from "../../../engine/cognition/recall.ts";
import { withIndex } from "../../../engine/cognition/remember.ts";
import type { EventRole } from "../../../engine/contract/memory.ts";
import { renderMemoryBlock } from "../../../engine/contract/memory.ts";
import { createMemoryStores } from "../../../engine/stores/memory.ts";
import type { Store, StoredEvent, Stores } from "../../../engine/stores/store.ts";
import { createCountedIds, createTestClock } from "../../conformance/store.ts";
import { tellHistory } from "./histories.ts";

const nowMs = 1_700_000_000_000;
const day = 24 * 3_600_000;

describe("recall", () => {
  let stores: Stores;
  let store: Store;

  beforeEach(async () => {
    stores = createMemoryStores({ clock: createTestClock(nowMs), newId: createCountedIds() });
    store = await stores.open({ tenant: "acme", subject: "alice" });
  });
  afterEach(() => stores.close());

  const say = (
    conversation: string,
    text: string,
    role: EventRole = "user",
    timeMs = nowMs,
  ): Promise<StoredEvent> =>
    store.append(
      withIndex({
        conversation,
        role,
        text,
        timeMs,
        trust: { user: 1, assistant: 0.7, tool: 0.3 }[role],
        requestId: "req",
        source: "main",
        status: "complete",
        model: undefined,
      }),
    );

  const ask = (query: string, more: Partial<Parameters<typeof recall>[2]> = {}) =>
    recall(store, query, { tokensMax: 320, nowMs, ...more });
  const textsFor = async (query: string) => (await ask(query)).map(memory => memory.text);

  test("a fact is found by its question, before the many times it was asked", async () => {
    for (let index = 0; index < 50; index++) {
      await say(`q${index}`, "What is my name?");
      await say(`q${index}`, "I don't know your name.", "assistant");
      await say(`r${index}`, "Do you remember what my name is?");
    }
    await say("c1", "My name is Zelmira.");
    for (let index = 0; index < 50; index++) await say(`s${index}`, "Tell me my name");
    const texts = await textsFor("What is my name?");
    expect(texts[0]).toBe("My name is Zelmira.");
    expect(texts).not.toContain("What is my name?");
    expect(texts).not.toContain("I don't know your name.");
  });

  test("inflections meet", async () => {
    await say("c1", "I live in Quorra.");
    await say("c1", "My sister bakes bread.");
    expect((await textsFor("Which city am I living in?"))[0]).toBe("I live in Quorra.");
  });

  test("an answer that shares no word with the question is found by the turn before it", async () => {
    await say("c1", "Where did I park the car?");
    await say("c1", "Level four, beside the lift.", "assistant");
    await say("c2", "Let us talk about gardens.");
    const [first] = await ask("Where is the car parked?");
    expect(first?.text).toBe("Level four, beside the lift.");
    expect(first?.trace.lexical).toBe(0);
    expect(first?.trace.link).toBeGreaterThan(0);
  });

  test("nothing comes where nothing is known", async () => {
    expect(await ask("What is my name?")).toEqual([]);
    await say("c1", "I live in Quorra.");
    expect(await ask("How tall are giraffes?")).toEqual([]);
    expect(await ask("Who am I?")).toEqual([]);
    expect(await ask("")).toEqual([]);
    expect(await ask("Where do I live?", { tokensMax: 0 })).toEqual([]);
  });

  test("one weak word of many is below the floor", async () => {
    await say(
      "c0",
      `The garden ${"and other words that make a long text about nothing in particular ".repeat(20)}`,
    );
    await say("c1", "Bicycle repair, violin lessons, tax forms.");
    await say("c2", "Bicycle, violin, tax and garden.");
    const texts = await textsFor("garden bicycle violin tax");
    expect(texts).toHaveLength(2);
  });

  test("the parts add up to the score, and the best is first", async () => {
    await say("c1", "My dog is called Rufus.");
    await say("c1", "Rufus is a lovely name for a dog.", "assistant");
    await say("c2", "The dog and the cat are friends.");
    const memories = await ask("What is my dog called?");
    expect(memories.length).toBeGreaterThan(1);
    for (const { score, trace } of memories)
      expect(trace.lexical + trace.link + trace.recency).toBeCloseTo(score, 12);
    expect(memories[0]?.text).toBe("My dog is called Rufus.");
  });

  test("what the user said counts more than what the assistant or a tool said", async () => {
    await say("c1", "The password hint is a fish.", "tool");
    await say("c2", "The password hint is a bird.", "assistant");
    await say("c3", "The password hint is a horse.");
    const roles = (await ask("password hint")).map(memory => memory.role);
    expect(roles).toEqual(["user", "assistant", "tool"]);
  });

  test("of two equal claims the newer comes first", async () => {
    await say("c1", "My desk is oak.", "user", nowMs - 300 * day);
    await say("c2", "My desk is pine.", "user", nowMs - day);
    expect((await textsFor("my desk"))[0]).toBe("My desk is pine.");
  });

  test("what the prompt holds already is not repeated", async () => {
    const event = await say("c1", "My name is Zelmira.");
    expect(await ask("name", { inPromptSequences: new Set([event.sequence]) })).toEqual([]);
    expect(await ask("name", { inPrompt: ["my name is  zelmira"] })).toEqual([]);
    expect(await ask("My name is Zelmira!")).toEqual([]);
  });

  test("the same said often comes once, and leaves room for other things", async () => {
    for (let index = 0; index < 20; index++) await say(`c${index}`, "The boat is in the harbour.");
    await say("d1", "The boat needs new sails and paint.");
    expect((await textsFor("boat")).toSorted()).toEqual([
      "The boat is in the harbour.",
      "The boat needs new sails and paint.",
    ]);
  });

  test("the block stays within the budget, by the model's own count", async () => {
    for (let index = 0; index < 30; index++)
      await say(`c${index}`, `Boat number ${index} is painted ${"very ".repeat(index)}blue.`);
    const countTokens = async (text: string) => text.split(/\s+/).length;
    for (const tokensMax of [5, 20, 60, 200]) {
      const memories = await ask("boat", { tokensMax, countTokens });
      if (memories.length > 0)
        expect(await countTokens(renderMemoryBlock(memories, "abcdef"))).toBeLessThanOrEqual(
          tokensMax,
        );
      expect(memories.length > 0).toBe(tokensMax > 20);
    }
    expect((await ask("boat", { tokensMax: 100_000, countTokens })).length).toBe(12);
  });

  test("of a long text comes the part that the question is about", async () => {
    const filler = "Nothing of note happened on that day, nor on the next. ";
    await say(
      "c1",
      `${filler.repeat(60)}The spare key hangs behind the blue door. ${filler.repeat(60)}`,
    );
    const [found] = await ask("Where does the spare key hang?");
    expect(found?.text).toContain("The spare key hangs behind the blue door.");
    expect(found?.text.length).toBeLessThan(500);
    await say("c2", `${"x".repeat(100_000)} pineapple`);
    expect((await textsFor("pineapple"))[0]?.length).toBeLessThan(500);
  });

  test("equal stores give equal answers", async () => {
    const questions = await tellHistory(store, {
      seed: 5,
      conversations: 30,
      startMs: nowMs - 60 * day,
    });
    const first = await Promise.all(questions.map(question => ask(question.text)));
    const second = await Promise.all(questions.map(question => ask(question.text)));
    expect(second).toEqual(first);
  });

  test("made-up histories: the fact is among the first five", async () => {
    const tally = new Map<string, { asked: number; found: number; first: number }>();
    for (const seed of [11, 12, 13, 14, 15]) {
      const own = await stores.open({ tenant: "acme", subject: `person-${seed}` });
      const other = await stores.open({ tenant: "globex", subject: `person-${seed}` });
      const startMs = nowMs - 60 * day;
      const questions = await tellHistory(own, { seed, conversations: 100, startMs });
      const strange = await tellHistory(other, { seed: seed + 1000, conversations: 20, startMs });
      for (const { text, statement, relation } of questions) {
        const found = await recall(own, text, { tokensMax: 320, nowMs, memoriesMax: 5 });
        const rank = found.findIndex(memory => memory.text === statement);
        for (const foreign of strange)
          if (foreign.statement !== statement)
            expect(found.map(memory => memory.text)).not.toContain(foreign.statement);
        const entry = tally.get(relation) ?? { asked: 0, found: 0, first: 0 };
        tally.set(relation, {
          asked: entry.asked + 1,
          found: entry.found + (rank >= 0 ? 1 : 0),
          first: entry.first + (rank === 0 ? 1 : 0),
        });
      }
    }
    const sum = (key: "asked" | "found" | "first") =>
      [...tally.values()].reduce((total, entry) => total + entry[key], 0);
    const share = sum("found") / sum("asked");
    console.log(
      `recall@5 ${share.toFixed(3)}, recall@1 ${(sum("first") / sum("asked")).toFixed(3)} over ${sum("asked")} questions: ` +
        [...tally]
          .map(([relation, entry]) => `${relation} ${entry.found}/${entry.asked}`)
          .join(", "),
    );
    expect(share).toBeGreaterThanOrEqual(0.9);
  });
});
