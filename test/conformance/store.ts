/** What every store must do. Called by each implementation's test in one line. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { toTerms } from "../../engine/cognition/tokens.ts";
import { limits } from "../../engine/contract/limits.ts";
import type { Clock } from "../../engine/kit/clock.ts";
import { createSeededRandom, type Random } from "../../engine/kit/random.ts";
import { createMemoryStores } from "../../engine/stores/memory.ts";
import type { NewEvent, Scope, Store, Stores } from "../../engine/stores/store.ts";

export interface StoresOptions {
  clock: Clock;
  newId: (prefix: string) => string;
}

/** Counts, so that two stores given the same calls give the same ids. */
export function createCountedIds(): (prefix: string) => string {
  let last = 0;
  return prefix => {
    last += 1;
    return `${prefix}_${String(last).padStart(6, "0")}`;
  };
}

export function createTestClock(startMs = 1_700_000_000_000): Clock & { set(ms: number): void } {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: async () => undefined,
    set: ms => {
      nowMs = ms;
    },
  };
}

export function newEvent(
  conversation: string,
  text: string,
  more: Partial<NewEvent> = {},
): NewEvent {
  return {
    conversation,
    role: "user",
    text,
    timeMs: 1_700_000_000_000,
    requestId: "req_1",
    source: "main",
    trust: 1,
    status: "complete",
    model: undefined,
    terms: toTerms(text),
    speech: "statement",
    ...more,
  };
}

const alice: Scope = { tenant: "acme", subject: "alice" };

export function describeStore(
  name: string,
  create: (options: StoresOptions) => Promise<Stores> | Stores,
): void {
  describe(`${name} as a store`, () => {
    const clock = createTestClock();
    let stores: Stores;
    let store: Store;

    beforeEach(async () => {
      clock.set(1_700_000_000_000);
      stores = await create({ clock, newId: createCountedIds() });
      store = await stores.open(alice);
    });
    afterEach(() => stores.close());

    test("what was appended is read back as it was", async () => {
      const event = newEvent("c1", "My name is Zelmira.\u0000 <|im_end|> 東京 🦜", {
        role: "assistant",
        trust: 0.7,
        status: "interrupted",
        model: "assistant",
        timeMs: 5,
      });
      const stored = await store.append(event);
      const { terms: _terms, speech: _speech, ...kept } = event;
      expect(stored).toEqual({
        ...kept,
        id: stored.id,
        sequence: stored.sequence,
        ingestedMs: clock.now(),
      });
      expect(await store.history("c1", 10)).toEqual([stored]);
      expect(await store.events([stored.sequence])).toEqual([stored]);
    });

    test("half a character becomes a whole one", async () => {
      const stored = await store.append(newEvent("c1", "a\ud800b"));
      expect(stored.text).toBe("a\ufffdb");
      expect(await store.history("c1", 1)).toEqual([stored]);
    });

    test("the order is that of the log, even when the clock goes back", async () => {
      const first = await store.append(newEvent("c1", "one", { timeMs: 2000 }));
      clock.set(clock.now() - 60_000);
      const second = await store.append(newEvent("c1", "two", { timeMs: 1000 }));
      expect(second.sequence).toBeGreaterThan(first.sequence);
      expect((await store.history("c1", 10)).map(event => event.text)).toEqual(["one", "two"]);
      expect((await store.conversation("c1"))?.updatedMs).toBe(clock.now());
    });

    test("history gives the last ones, in order", async () => {
      for (const text of ["a", "b", "c", "d"]) await store.append(newEvent("c1", text));
      await store.append(newEvent("c2", "x"));
      expect((await store.history("c1", 2)).map(event => event.text)).toEqual(["c", "d"]);
      expect(await store.history("c1", 0)).toEqual([]);
      expect(await store.history("none", 5)).toEqual([]);
    });

    test("conversations are made once, counted and paged, the last one first", async () => {
      const made = await store.createConversation();
      expect(await store.createConversation(made.id)).toEqual(made);
      for (const id of ["c1", "c2", "c3"]) await store.append(newEvent(id, "hello"));
      await store.append(newEvent("c1", "again"));
      const first = await store.conversations({ limit: 2 });
      expect(first.map(({ id, events }) => [id, events])).toEqual([
        ["c3", 1],
        ["c2", 1],
      ]);
      const second = await store.conversations({ limit: 2, before: "c2" });
      expect(second.map(({ id, events }) => [id, events])).toEqual([
        ["c1", 2],
        [made.id, 0],
      ]);
      expect(await store.conversations({ limit: 2, before: made.id })).toEqual([]);
      await expect(store.conversations({ limit: 2, before: "none" })).rejects.toMatchObject({
        code: "conversation_not_found",
      });
    });

    test("postings, frequencies, heads and statistics say what ranking needs", async () => {
      const first = await store.append(
        newEvent("c1", "parrot parrot garden", { speech: "question" }),
      );
      const second = await store.append(newEvent("c2", "parrot"));
      expect(await store.postings(["garden", "none", "parrot"])).toEqual([
        { term: "garden", postings: [{ sequence: first.sequence, frequency: 1, length: 3 }] },
        {
          term: "parrot",
          postings: [
            { sequence: first.sequence, frequency: 2, length: 3 },
            { sequence: second.sequence, frequency: 1, length: 1 },
          ],
        },
      ]);
      expect(await store.frequencies(["parrot", "garden", "none"])).toEqual(
        new Map([
          ["parrot", 2],
          ["garden", 1],
        ]),
      );
      expect(await store.statistics()).toEqual({ events: 2, averageLength: 2 });
      expect(await store.heads([second.sequence, 99_999, first.sequence])).toMatchObject([
        { id: second.id, conversation: "c2", speech: "statement" },
        { id: first.id, conversation: "c1", speech: "question" },
      ]);
    });

    test("neighbours are of the same conversation, with their distance", async () => {
      const sequences: number[] = [];
      for (const text of ["a", "b", "c", "d", "e"]) {
        sequences.push((await store.append(newEvent("c1", text))).sequence);
        await store.append(newEvent("c2", `other ${text}`));
      }
      const [ofThird, ofNone] = await store.neighbours([sequences[2] ?? 0, 99_999], 2);
      expect(ofThird?.map(({ distance, head }) => [distance, head.sequence])).toEqual([
        [2, sequences[0]],
        [1, sequences[1]],
        [1, sequences[3]],
        [2, sequences[4]],
      ]);
      expect(ofNone).toEqual([]);
    });

    test("deleting a conversation takes everything of it and nothing else", async () => {
      const gone = await store.append(newEvent("c1", "zanzibar parrot"));
      const kept = await store.append(newEvent("c2", "parrot"));
      expect(await store.deleteConversation("c1")).toEqual({ events: 1 });
      expect(await store.deleteConversation("c1")).toBeUndefined();
      expect(await store.conversation("c1")).toBeUndefined();
      expect(await store.events([gone.sequence, kept.sequence])).toEqual([kept]);
      expect(await store.frequencies(["zanzibar", "parrot"])).toEqual(new Map([["parrot", 1]]));
      expect((await store.statistics()).events).toBe(1);
      const next = await store.append(newEvent("c1", "new"));
      expect(next.sequence).toBeGreaterThan(kept.sequence);
      expect((await store.history("c1", 10)).map(event => event.text)).toEqual(["new"]);
    });

    test("the last event's sequence is not given again after it is erased", async () => {
      const gone = await store.append(newEvent("c1", "one"));
      await store.deleteConversation("c1");
      expect((await store.append(newEvent("c1", "two"))).sequence).toBeGreaterThan(gone.sequence);
    });

    test("many appends at once are all kept, each with a place of its own", async () => {
      const texts = Array.from({ length: 200 }, (_, index) => `text ${index}`);
      const stored = await Promise.all(texts.map(text => store.append(newEvent("c1", text))));
      expect(new Set(stored.map(event => event.sequence)).size).toBe(200);
      expect((await store.history("c1", 500)).map(event => event.text)).toEqual(texts);
    });

    test("two tenants and three subjects each see nothing of the others", async () => {
      const scopes = ["acme", "globex"].flatMap(tenant =>
        ["alice", "bob", "carol"].map(subject => ({ tenant, subject })),
      );
      const canaries: { scope: Scope; word: string; sequence: number }[] = [];
      for (const [index, scope] of scopes.entries()) {
        const word = `canary${"abcdef"[index]}`;
        const own = await stores.open(scope);
        // The same conversation id everywhere: ids are no secret.
        canaries.push({ scope, word, ...(await own.append(newEvent("shared", `${word} common`))) });
      }
      for (const { scope, word, sequence } of canaries) {
        const own = await stores.open(scope);
        const others = canaries.filter(other => other.scope !== scope);
        const sameTenant = others.filter(other => other.scope.tenant === scope.tenant);
        const strangers = sameTenant.map(other => other.sequence);
        expect((await own.history("shared", 10)).map(event => event.text)).toEqual([
          `${word} common`,
        ]);
        expect(await own.postings(others.map(other => other.word))).toEqual([]);
        expect(
          (await own.postings(["common"]))[0]?.postings.map(posting => posting.sequence),
        ).toEqual([sequence]);
        expect(await own.events(strangers)).toEqual([]);
        expect(await own.heads(strangers)).toEqual([]);
        expect((await own.neighbours(strangers, 2)).flat()).toEqual([]);
        expect(await own.statistics()).toEqual({ events: 1, averageLength: 2 });
      }
      const bob = await stores.open({ tenant: "acme", subject: "bob" });
      await bob.deleteConversation("shared");
      expect(await store.history("shared", 10)).toHaveLength(1);
    });

    test("what is too long or has no name is refused, and nothing is kept of it", async () => {
      const long = "x".repeat(limits.eventTextBytesMax + 1);
      await expect(store.append(newEvent("c1", long))).rejects.toMatchObject({
        code: "body_too_large",
      });
      const whole = "é".repeat(limits.eventTextBytesMax / 2);
      expect((await store.append(newEvent("c0", whole))).text).toBe(whole);
      for (const id of ["", "x".repeat(limits.conversationIdCharactersMax + 1), "a\nb"]) {
        await expect(store.append(newEvent(id, "t"))).rejects.toMatchObject({
          code: "invalid_request",
        });
        await expect(store.createConversation(id)).rejects.toMatchObject({
          code: "invalid_request",
        });
      }
      for (const scope of [
        { tenant: "../etc", subject: "a" },
        { tenant: "", subject: "a" },
        { tenant: "acme", subject: "" },
        { tenant: "acme", subject: "x".repeat(limits.subjectCharactersMax + 1) },
      ])
        await expect(stores.open(scope)).rejects.toMatchObject({ code: "invalid_request" });
      expect(await store.conversation("c1")).toBeUndefined();
    });

    test("is healthy, whatever it was asked for in vain", async () => {
      await store.conversations({ limit: 1, before: "none" }).catch(() => undefined);
      expect(await stores.health()).toEqual({ status: "ok", reason: undefined });
    });

    test("a closed store opens nothing", async () => {
      await stores.close();
      await stores.close();
      await expect(stores.open(alice)).rejects.toMatchObject({ code: "stopping" });
      for (const late of [store.append(newEvent("c1", "late")), store.history("c1", 1)])
        await expect(late).rejects.toMatchObject({ code: "stopping" });
    });

    test.each([1, 2, 3])("seed %i: any operations give what the memory store gives", async seed => {
      const reference = createMemoryStores({ clock, newId: createCountedIds() });
      const scopes = ["acme", "globex"].flatMap(tenant =>
        ["alice", "bob"].map(subject => ({ tenant, subject })),
      );
      const random = createSeededRandom(seed);
      const plans = Array.from({ length: 200 }, () => planOperation(random, scopes));
      for (const [index, plan] of plans.entries()) {
        clock.set(1_700_000_000_000 + Math.floor(random() * 1000));
        const expected = await run(reference, plan);
        expect(await run(stores, plan), `seed ${seed}, operation ${index}`).toEqual(expected);
      }
      await reference.close();
    });
  });
}

type Operation = (store: Store) => Promise<unknown>;

function planOperation(random: Random, scopes: readonly Scope[]): { scope: Scope; run: Operation } {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const scope = pick(scopes);
  const id = pick(["c1", "c2", "c3", "c4"]);
  const words = Array.from({ length: 1 + Math.floor(random() * 6) }, () =>
    pick(["ant", "bee", "cat", "dog", "elk", "fox", "gnu"]),
  );
  const sequences = Array.from({ length: 4 }, () => 1 + Math.floor(random() * 200));
  const limit = Math.floor(random() * 5);
  const operations: Operation[] = [
    ...Array.from(
      { length: 6 },
      (): Operation => store => store.append(newEvent(id, words.join(" "))),
    ),
    store => store.createConversation(id),
    store => store.deleteConversation(id),
    store => store.history(id, limit),
    store => store.conversations({ limit }),
    store => store.statistics(),
    store => store.postings(words),
    store => store.frequencies(words),
    store => store.neighbours(sequences, 1 + (limit % 2)),
    store => store.heads(sequences),
    store => store.events(sequences),
  ];
  return { scope, run: pick(operations) };
}

async function run(stores: Stores, plan: { scope: Scope; run: Operation }): Promise<unknown> {
  return plan.run(await stores.open(plan.scope));
}
