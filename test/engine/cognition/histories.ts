/** Small made-up histories: facts told in one conversation, asked for in another, between much other talk. Seeded. */
import { withIndex } from "../../../engine/cognition/remember.ts";
import type { EventRole } from "../../../engine/contract/memory.ts";
import { createSeededRandom, type Random } from "../../../engine/kit/random.ts";
import type { Store } from "../../../engine/stores/store.ts";

interface Relation {
  values: readonly string[] | "invented";
  told: readonly string[];
  asked: readonly string[];
}

const relations: Record<string, Relation> = {
  name: {
    values: "invented",
    told: ["My name is {}.", "Hi, my name's {}.", "You should know that my name is {} by the way."],
    asked: [
      "What is my name?",
      "Do you remember my name?",
      "what's my name again",
      "Tell me my name.",
    ],
  },
  home: {
    values: "invented",
    told: [
      "I live in {}.",
      "I have been living in {} for years.",
      "These days I live in {}, near the river.",
    ],
    asked: ["Where do I live?", "Which city do I live in?", "In what place am I living?"],
  },
  colour: {
    values: ["teal", "crimson", "ochre", "mauve", "ivory", "amber"],
    told: [
      "My favourite colour is {}.",
      "Of all colours {} is my favourite.",
      "I love {}, it is my favourite color.",
    ],
    asked: [
      "What is my favourite colour?",
      "Which color is my favorite?",
      "What colour do I like most?",
    ],
  },
  pet: {
    values: "invented",
    told: ["My dog is called {}.", "I have a dog whose name is {}.", "We named our dog {}."],
    asked: ["What is my dog called?", "What is the name of my dog?", "How is my dog called?"],
  },
  job: {
    values: ["welder", "baker", "surgeon", "florist", "pilot", "carpenter"],
    told: ["I work as a {}.", "My work is that of a {}.", "For work I am a {}."],
    asked: ["What do I work as?", "What is my work?", "As what do I work?"],
  },
  flight: {
    values: ["Monday", "Tuesday", "Thursday", "Saturday", "Sunday"],
    told: ["My flight to {place} leaves on {}.", "I booked a flight to {place} for {}."],
    asked: ["When is my flight to {place}?", "On which day does my flight to {place} leave?"],
  },
};

const talk = [
  ["Can you explain how tides work?", "Tides come from the pull of the moon and the sun."],
  ["Write a short poem about autumn.", "Leaves of copper, wind of grey."],
  ["What is the capital of {place}?", "I do not know a country called {place}."],
  ["How many legs does a spider have?", "A spider has eight legs."],
  [
    "Summarise the meeting about the {place} project.",
    "The project is late but within its budget.",
  ],
  ["My neighbour's cat keeps me awake.", "That sounds tiring. Have you talked to your neighbour?"],
  ["Suggest a name for a sailing boat.", "How about Windward?"],
  ["People often ask me what colours go with grey.", "Nearly every colour goes with grey."],
  ["My sister lives abroad.", "Do you visit her often?"],
  ["It is raining again and the work piles up.", "Perhaps a short walk helps."],
] as const;

export interface Question {
  text: string;
  /** The answer stands in any event that holds this and the sentence it was told with. */
  statement: string;
  value: string;
  relation: string;
}

/** Tells one person's life over many conversations and says what can be asked about it afterwards. */
export async function tellHistory(
  store: Store,
  options: { seed: number; conversations: number; startMs: number },
): Promise<Question[]> {
  const random = createSeededRandom(options.seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const plans = Object.entries(relations).map(([relation, { values, told, asked }]) => {
    const value = values === "invented" ? inventWord(random) : pick(values);
    const place = inventWord(random);
    const fill = (text: string) => text.replaceAll("{place}", place).replaceAll("{}", value);
    return { relation, value, statement: fill(pick(told)), asked: asked.map(fill) };
  });
  const tellers = plans.map(plan => ({ plan, at: Math.floor(random() * options.conversations) }));
  for (let index = 0; index < options.conversations; index++) {
    const due = tellers.filter(({ at }) => at === index).map(({ plan }) => plan.statement);
    const timeMs = options.startMs + index * 3_600_000;
    await tellConversation(store, `cnv_${index}`, due, timeMs, random, pick);
    // Asked before, and not known then: what must not hide the answer.
    if (index % 7 === 0) {
      const asked = pick(pick(plans).asked);
      await append(store, `cnv_${index}`, "user", asked, timeMs);
      await append(store, `cnv_${index}`, "assistant", "I don't know that yet.", timeMs);
    }
  }
  return plans.flatMap(({ relation, value, statement, asked }) =>
    asked.map(text => ({ text, statement, value, relation })),
  );
}

async function tellConversation(
  store: Store,
  id: string,
  statements: readonly string[],
  timeMs: number,
  random: Random,
  pick: <T>(items: readonly T[]) => T,
): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    const [user, assistant] = pick(talk);
    const place = inventWord(random);
    await append(store, id, "user", user.replaceAll("{place}", place), timeMs);
    await append(store, id, "assistant", assistant.replaceAll("{place}", place), timeMs);
    const statement = statements[turn];
    if (statement === undefined) continue;
    await append(store, id, "user", statement, timeMs);
    await append(store, id, "assistant", "Thank you, I will keep that in mind.", timeMs);
  }
  for (const statement of statements.slice(3)) await append(store, id, "user", statement, timeMs);
}

async function append(
  store: Store,
  conversation: string,
  role: EventRole,
  text: string,
  timeMs: number,
): Promise<void> {
  const trust = role === "user" ? 1 : 0.7;
  const about = { requestId: "req", source: "main", status: "complete", model: undefined } as const;
  await store.append(withIndex({ conversation, role, text, timeMs, trust, ...about }));
}

const onsets = ["b", "br", "d", "f", "g", "k", "l", "m", "n", "qu", "r", "s", "t", "v", "z"];
const nuclei = ["a", "e", "i", "o", "u", "ay", "or", "el", "im"];

/** A capitalised word that is in no dictionary. */
export function inventWord(random: Random): string {
  const pick = (items: readonly string[]) => items[Math.floor(random() * items.length)] ?? "";
  const word = Array.from({ length: 3 }, () => `${pick(onsets)}${pick(nuclei)}`).join("");
  return `${word[0]?.toUpperCase()}${word.slice(1)}`;
}
