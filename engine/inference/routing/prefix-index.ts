/** What a worker should have cached: the prefixes that it was sent, the oldest forgotten first. Bounded. */
import type { PrefixChain } from "./prefix.ts";

export interface PrefixIndex {
  /** Blocks of the chain, from its beginning, that are known here; the scope counts as a quarter. */
  matched(chain: PrefixChain): number;
  /** The chain was sent there. */
  add(chain: PrefixChain): void;
  /** At most that many blocks from now on. */
  resize(blocks: number): void;
  blocks(): number;
}

/** What knowing the scope alone is worth: enough to decide between equals. */
const scopeShare = 0.25;

export function createPrefixIndex(blocksMax: number): PrefixIndex {
  /** In the order of their last use. */
  const known = new Set<number>();
  let capacity = blocksMax;
  const trim = () => {
    for (const oldest of known) {
      if (known.size <= capacity) return;
      known.delete(oldest);
    }
  };
  return {
    matched(chain) {
      const end = chain.findIndex(block => !known.has(block));
      const shared = end < 0 ? chain.length : end;
      return shared === 0 ? 0 : Math.max(scopeShare, shared - 1);
    },
    add(chain) {
      // The end first: of a chain that is forgotten in part, the beginning is left, which alone is of use.
      for (let index = chain.length - 1; index >= 0; index--) {
        const block = chain[index]!;
        known.delete(block);
        known.add(block);
      }
      trim();
    },
    resize(blocks) {
      capacity = Math.max(1, Math.floor(blocks));
      trim();
    },
    blocks: () => known.size,
  };
}
