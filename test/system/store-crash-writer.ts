/** A process to be killed: appends and erases as fast as it can, and says on stdout what was acknowledged. */
import { toTerms } from "../../engine/cognition/tokens.ts";
import { systemClock } from "../../engine/kit/clock.ts";
import { createIds } from "../../engine/kit/identifiers.ts";
import { systemRandom } from "../../engine/kit/random.ts";
import { createSqliteStores } from "../../engine/stores/sqlite.ts";

const [folder = "", run = ""] = process.argv.slice(2);
const newId = createIds(systemClock, systemRandom);
const stores = createSqliteStores({ folder, clock: systemClock, newId });
const store = await stores.open({ tenant: "acme", subject: "alice" });

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function append(lane: number, index: number): Promise<void> {
  const conversation = `run${run}-lane${lane}-${Math.floor(index / 5)}`;
  const text = `text${run}x${lane}x${index} ${"padding ".repeat(index % 7)}`;
  say(`try ${conversation} ${text}`);
  await store.append({
    conversation,
    role: "user",
    text,
    timeMs: systemClock.now(),
    requestId: "req",
    source: "test",
    trust: 1,
    status: "complete",
    model: undefined,
    terms: toTerms(text),
    speech: "statement",
  });
  say(`kept ${conversation} ${text}`);
}

/** Each lane appends one after the other; the lanes together make transactions of several. */
async function runLane(lane: number): Promise<never> {
  for (let index = 0; ; index++) {
    await append(lane, index);
    if (index % 15 !== 14) continue;
    const erased = `run${run}-lane${lane}-${Math.floor(index / 5) - 1}`;
    say(`erase ${erased}`);
    await store.deleteConversation(erased);
    say(`erased ${erased}`);
  }
}

say("ready");
await Promise.all([0, 1, 2, 3].map(runLane));
