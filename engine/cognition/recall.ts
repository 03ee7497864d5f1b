/** Recall: which of a subject's events a prompt should hold, found without any model, explained, and within a budget. */
import { limits } from "../contract/limits.ts";
import { type RecalledMemory, type RecallTrace, renderMemoryBlock } from "../contract/memory.ts";
import type { EventHead, Store } from "../stores/store.ts";
import { scoreTerms } from "./bm25.ts";
import { pickDiverse, type Weighed } from "./diversity.ts";
import { readCharactersMax, toExcerpt } from "./excerpt.ts";
import { toTerms } from "./tokens.ts";

export interface RecallOptions {
  /** Tokens that the rendered memories may take. */
  tokensMax: number;
  /** As the model counts; absent = an estimate. */
  countTokens?: (text: string) => Promise<number>;
  nowMs: number;
  /** Texts that the prompt holds anyway. */
  inPrompt?: readonly string[];
  /** Events that the prompt holds anyway. */
  inPromptSequences?: ReadonlySet<number>;
  memoriesMax?: number;
  /** Told how many tokens the rendered memories take. */
  onPacked?: (tokens: number) => void;
}

/** Chosen a priori, each with its reason in README.md; not fitted to any test. */
export const recallWeights = {
  /** Share of an event's lexical score that goes to the events one and two turns away. */
  link: [0.3, 0.15],
  /** Events that hand a share on: the best ones; 0.3 of the next one's score would not be seen. */
  linkSources: 100,
  /** What a new event gains over an infinitely old one, as a share of its score; it halves every `recencyHalfLifeMs`. */
  recency: 0.1,
  recencyHalfLifeMs: 30 * 24 * 3_600_000,
  /** A question stays below what it hands to an answer of the assistant: 0.3 × trust 0.7. */
  speech: { statement: 1, question: 0.2, ignorance: 0 },
  /** What a user's words about himself gain when a question is about "me" or "my". */
  speaker: 0.15,
  /** Below this share of what a perfect match would score, nothing is worth the prompt's room. */
  floor: 0.12,
  /** Nor below this share of the best: just what a question hands to its answer is still in. */
  floorOfBest: 0.2,
} as const;

/** A long text may take about half of the budget, at some three characters a token. */
const excerptCharactersPerToken = 1.5;

interface Candidate {
  head: EventHead;
  trace: RecallTrace;
  score: number;
}

/** The best first; none when nothing is near enough. */
export async function recall(
  store: Store,
  query: string,
  options: RecallOptions,
): Promise<RecalledMemory[]> {
  const terms = [...toTerms(query).keys()].slice(0, limits.recallTermsMax);
  if (terms.length === 0 || options.tokensMax <= 0) return [];
  const lexical = await scoreTerms(store, terms);
  if (lexical.size === 0) return [];
  const candidates = await spread(store, lexical, options.nowMs);
  const best = Math.max(...candidates.map(({ score }) => score));
  const floor = Math.max(recallWeights.floor, recallWeights.floorOfBest * best);
  const ranked = candidates
    .filter(({ score }) => score >= floor)
    .sort((a, b) => b.score - a.score || b.head.sequence - a.head.sequence)
    .slice(0, limits.recallCandidatesMax);
  const count = Math.min(options.memoriesMax ?? limits.recallMemoriesMax, limits.recallMemoriesMax);
  const weighed = await readTexts(store, { query, terms: new Set(terms) }, ranked, options);
  return pack(pickDiverse(weighed, count), options);
}

/** Lexical scores, and what links add to them and to their neighbours in conversation. */
async function spread(
  store: Store,
  lexical: ReadonlyMap<number, number>,
  nowMs: number,
): Promise<Candidate[]> {
  const sequences = [...lexical.keys()];
  const sources = sequences.slice(0, recallWeights.linkSources);
  const [heads, neighbours] = await Promise.all([
    store.heads(sequences),
    store.neighbours(sources, recallWeights.link.length),
  ]);
  const found = new Map(heads.map(head => [head.sequence, { head, link: 0 }]));
  const asking = new Set(
    heads.filter(head => head.speech === "question").map(head => head.sequence),
  );
  for (const [index, sequence] of sources.entries())
    for (const { distance, head } of neighbours[index] ?? []) {
      // What answers a question comes after it.
      if (asking.has(sequence) && head.sequence < sequence) continue;
      const entry = found.get(head.sequence) ?? { head, link: 0 };
      entry.link += (recallWeights.link[distance - 1] ?? 0) * (lexical.get(sequence) ?? 0);
      found.set(head.sequence, entry);
    }
  return [...found.values()].map(({ head, link }) =>
    toCandidate(head, lexical.get(head.sequence) ?? 0, link, nowMs),
  );
}

/** Trust and speech weigh every part, so that the parts still add up. */
function toCandidate(head: EventHead, lexical: number, link: number, nowMs: number): Candidate {
  const weight = head.trust * recallWeights.speech[head.speech];
  const ageMs = Math.max(0, nowMs - head.timeMs);
  const freshness = recallWeights.recency * 0.5 ** (ageMs / recallWeights.recencyHalfLifeMs);
  const trace = {
    lexical: lexical * weight,
    link: link * weight,
    recency: (lexical + link) * weight * freshness,
  };
  return { head, trace, score: trace.lexical + trace.link + trace.recency };
}

/** Reads the events in slices until there are enough that the prompt does not hold already; of equal texts the first. */
async function readTexts(
  store: Store,
  { query, terms }: { query: string; terms: ReadonlySet<string> },
  ranked: readonly Candidate[],
  options: RecallOptions,
): Promise<Weighed[]> {
  const seen = new Set([query, ...(options.inPrompt ?? [])].map(toKey));
  const isPersonal = firstPerson.test(query);
  const weighed: Weighed[] = [];
  const enough = 3 * limits.recallMemoriesMax;
  for (let start = 0; start < ranked.length && weighed.length < enough; start += enough) {
    const slice = ranked
      .slice(start, start + enough)
      .filter(({ head }) => !options.inPromptSequences?.has(head.sequence));
    const texts = new Map(
      (await store.events(slice.map(({ head }) => head.sequence))).map(event => [
        event.sequence,
        event.text,
      ]),
    );
    for (const { head, trace, score } of slice) {
      const text = texts.get(head.sequence);
      if (text === undefined || seen.has(toKey(text))) continue;
      seen.add(toKey(text));
      const speaker = isPersonal && head.role === "user" && firstPerson.test(text);
      const excerpt = toExcerpt(text, terms, options.tokensMax * excerptCharactersPerToken);
      weighed.push(toWeighed(head, excerpt, speaker ? withSpeaker(trace) : { trace, score }));
    }
  }
  return weighed.sort((a, b) => b.memory.score - a.memory.score);
}

const firstPerson = /\b(?:i|me|my|mine|myself)\b/i;

function withSpeaker(trace: RecallTrace): Pick<Candidate, "trace" | "score"> {
  const lexical = trace.lexical * (1 + recallWeights.speaker);
  return { trace: { ...trace, lexical }, score: lexical + trace.link + trace.recency };
}

function toWeighed(
  head: EventHead,
  text: string,
  { trace, score }: Pick<Candidate, "trace" | "score">,
): Weighed {
  const { id, conversation, role, timeMs } = head;
  const memory = { id, conversation, role, text, timeMs, score, trace };
  return { memory, terms: new Set(toTerms(text).keys()) };
}

/** Two texts with one key say the same in the same words. */
function toKey(text: string): string {
  return text
    .slice(0, readCharactersMax)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

/** Greedy: the next best that still fits. */
async function pack(
  memories: readonly RecalledMemory[],
  options: RecallOptions,
): Promise<RecalledMemory[]> {
  const count = options.countTokens ?? estimateTokens;
  // The nonce is only as long as the real one; a block's frame costs the same whatever it says.
  const render = (held: readonly RecalledMemory[]) => `${renderMemoryBlock(held, "000000")}\n`;
  // Asked for together: each count may be a journey to another process.
  const [frame = 0, ...whole] = await Promise.all(
    [[], ...memories.map(memory => [memory])].map(held => count(render(held))),
  );
  let used = frame;
  const packed = memories.filter((_, index) => {
    const cost = (whole[index] ?? Number.POSITIVE_INFINITY) - frame;
    if (used + cost > options.tokensMax) return false;
    used += cost;
    return true;
  });
  options.onPacked?.(packed.length === 0 ? 0 : used);
  return packed;
}

/** A token is rarely less than three bytes; better to use a little less room than too much. */
async function estimateTokens(text: string): Promise<number> {
  return Math.ceil(Buffer.byteLength(text) / 3);
}
