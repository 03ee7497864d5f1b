/** BM25 over a store's postings, in TypeScript, so that every store gives the same order. */
import { limits } from "../contract/limits.ts";
import type { Store } from "../stores/store.ts";
import { toKin } from "./kin.ts";

/** Robertson's usual constants: how soon repeats stop to count, and how much length does. */
const k1 = 1.2;
const b = 0.75;

/** A term in more than this share of the events tells little; it is read only when there is nothing better. */
const frequentShare = 0.1;
/** In a small log every list is short, and nothing needs to be left out. */
const frequentEventsMin = 1_000;

/** A word that only means the same is half the evidence. */
const kinWeight = 0.5;

interface WeighedTerm {
  term: string;
  idf: number;
}

/**
 * Sequence → score of the best `limits.recallCandidatesMax` events, as a share of what an event of average length that
 * holds each of the known terms once would score: about 1 is a perfect match, whatever the query's length.
 */
export async function scoreTerms(
  store: Store,
  terms: readonly string[],
): Promise<Map<number, number>> {
  const groups = terms.map(term => ({
    term,
    kin: toKin(term).filter(kin => !terms.includes(kin)),
  }));
  const all = new Set([...terms, ...groups.flatMap(({ kin }) => kin)]);
  const [{ events, averageLength }, frequencies] = await Promise.all([
    store.statistics(),
    store.frequencies([...all]),
  ]);
  const idfs = new Map(
    withoutFrequent(frequencies, events).map(([term, frequency]) => [
      term,
      Math.log(1 + (events - frequency + 0.5) / (frequency + 0.5)),
    ]),
  );
  // Per notion the most telling word that is known, so that a match by kin alone stays half a match.
  const perfect = groups.reduce(
    (sum, { term, kin }) => sum + Math.max(0, ...[term, ...kin].map(one => idfs.get(one) ?? 0)),
    0,
  );
  const weighed = [...idfs].map(([term, idf]) => ({
    term,
    idf: terms.includes(term) ? idf : idf * kinWeight,
  }));
  const scores = await sumScores(store, weighed, averageLength);
  return new Map(
    [...scores]
      .sort(([first, a], [second, b]) => b - a || second - first)
      .slice(0, limits.recallCandidatesMax)
      .map(([sequence, score]) => [sequence, score / perfect]),
  );
}

function withoutFrequent(
  frequencies: ReadonlyMap<string, number>,
  events: number,
): [string, number][] {
  const known = [...frequencies].sort(([, a], [, b]) => a - b);
  const most = Math.max(frequentEventsMin, events * frequentShare);
  const rare = known.filter(([, frequency]) => frequency <= most);
  return rare.length > 0 ? rare : known.slice(0, 1);
}

async function sumScores(
  store: Store,
  terms: readonly WeighedTerm[],
  averageLength: number,
): Promise<Map<number, number>> {
  const idfs = new Map(terms.map(({ term, idf }) => [term, idf]));
  const scores = new Map<number, number>();
  for (const { term, postings } of await store.postings([...idfs.keys()])) {
    const idf = idfs.get(term) ?? 0;
    for (const { sequence, frequency, length } of postings) {
      const norm = k1 * (1 - b + (b * length) / averageLength);
      const gain = (idf * frequency * (k1 + 1)) / (frequency + norm);
      scores.set(sequence, (scores.get(sequence) ?? 0) + gain);
    }
  }
  return scores;
}
