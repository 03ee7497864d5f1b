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
  const left = [...ranked];
  const chosen: Weighed[] = [];
  while (chosen.length < count && left.length > 0) {
    const values = left.map(
      item => item.memory.score * (1 - redundancyWeight * toOverlap(item, chosen)),
    );
    const best = values.reduce(
      (top, value, index) => (value > (values[top] ?? 0) ? index : top),
      0,
    );
    const [next] = left.splice(best, 1);
    if (next !== undefined && toOverlap(next, chosen) < 1) chosen.push(next);
  }
  return chosen.map(item => item.memory);
}

/** The largest share of terms in common with one of the chosen. */
function toOverlap(item: Weighed, chosen: readonly Weighed[]): number {
  return Math.max(0, ...chosen.map(other => toJaccard(item.terms, other.terms)));
}

function toJaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 && b.size === 0) return 0;
  const shared = a.intersection(b).size;
  return shared / (a.size + b.size - shared);
}
