/** Recall over the wordings of the bundled model's evaluation: told in one, asked in another. */
import { expect, test } from "vitest";
import { recall } from "../../../engine/cognition/recall.ts";
import { withIndex } from "../../../engine/cognition/remember.ts";
import { createMemoryStores } from "../../../engine/stores/memory.ts";
import { createCountedIds, createTestClock } from "../../conformance/store.ts";
import { asides, facts } from "../../live/echo-tiny-phrasings.ts";

const nowMs = 1_700_000_000_000;
const about = { requestId: "r", source: "main", status: "complete", model: undefined } as const;

/** Share of questions whose fact is among the first five, each life with one fact of every kind among asides. */
async function measure(told: "familiar" | "fresh", asked: "familiar" | "fresh"): Promise<number> {
  const stores = createMemoryStores({ clock: createTestClock(nowMs), newId: createCountedIds() });
  let found = 0;
  let count = 0;
  for (let life = 0; life < 3; life++) {
    const store = await stores.open({ tenant: "acme", subject: `life-${life}` });
    const say = (conversation: string, role: "user" | "assistant", text: string) =>
      store.append(withIndex({ conversation, role, text, timeMs: nowMs, trust: 1, ...about }));
    const statements = facts.map(({ kind, tell }, index) => ({
      text: (tell[told][life % tell[told].length] ?? "").replaceAll("{}", `Zelm${kind}${index}`),
      questions: facts[index]?.ask[asked] ?? [],
    }));
    for (const [index, { text }] of statements.entries()) {
      await say(`c${index}`, "user", text);
      await say(`c${index}`, "assistant", "Thank you, noted.");
      for (const [user, assistant] of asides) {
        await say(`a${index}`, "user", user);
        await say(`a${index}`, "assistant", assistant);
      }
    }
    for (const { text, questions } of statements)
      for (const question of questions) {
        const memories = await recall(store, question, { tokensMax: 320, nowMs, memoriesMax: 5 });
        count += 1;
        if (memories.some(memory => memory.text === text)) found += 1;
      }
  }
  await stores.close();
  return found / count;
}

test("wordings of everyday facts", async () => {
  const familiar = await measure("familiar", "familiar");
  const fresh = await measure("fresh", "fresh");
  console.log(`recall@5: familiar wordings ${familiar.toFixed(3)}, fresh ones ${fresh.toFixed(3)}`);
  expect(familiar).toBeGreaterThanOrEqual(0.8);
});
