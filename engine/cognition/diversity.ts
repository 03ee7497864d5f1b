/** Chooses memories that say different things. */
import type { RecalledMemory } from "../contract/memory.ts";

export interface Weighed {
  memory: RecalledMemory;
  terms: ReadonlySet<string>;
}

/** How much of its score a memory loses that repeats a chosen one word for word. */
const redundancyWeight = 0.3;

/**
 * Maximal marginal relevance, lightly: the best next one after what it shares with those chosen is taken off.
 * Of memories with the very same terms only the first is taken: the one that ranks higher, the newer one of equals.
 */
export function pickDiverse(ranked: readonly Weighed[], count: number): RecalledMemory[] {
  // Overlap: the largest share of terms in common with one of the chosen.
  const left = ranked.map(item => ({ ...item, overlap: 0 }));
  const chosen: RecalledMemory[] = [];
  while (chosen.length < count && left.length > 0) {
    const values = left.map(item => item.memory.score * (1 - redundancyWeight * item.overlap));
    const best = values.reduce(
      (top, value, index) => (value > (values[top] ?? 0) ? index : top),
      0,
    );
    const [next] = left.splice(best, 1);
    if (next === undefined || next.overlap === 1) continue;
    chosen.push(next.memory);
    for (const item of left)
      item.overlap = Math.max(item.overlap, toJaccard(item.terms, next.terms));
  }
  return chosen;
}

function toJaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 && b.size === 0) return 0;
  const shared = a.intersection(b).size;
  return shared / (a.size + b.size - shared);
}
