/** Which Model has a name that clients say: the oldest that claims it. */
import { withoutLatest } from "../contract/model.ts";

export interface NameClaimant {
  name: string;
  aliases: readonly string[];
  /** RFC 3339. */
  created: string;
}

export interface NameClaims {
  /** @returns the models whose right to a name may have changed by that. */
  set(claimant: NameClaimant): string[];
  remove(name: string): string[];
  /** The first name of `name` that an older model has, and that model. */
  conflictOf(name: string): { alias: string; holder: string } | undefined;
}

export function createNameClaims(): NameClaims {
  const claimants = new Map<string, NameClaimant>();
  const byAlias = new Map<string, Set<string>>();

  function remove(name: string): string[] {
    const known = claimants.get(name);
    if (known === undefined) return [];
    claimants.delete(name);
    const touched: string[] = [];
    for (const alias of namesOf(known)) {
      const holders = byAlias.get(alias);
      holders?.delete(name);
      touched.push(...(holders ?? []));
      if (holders?.size === 0) byAlias.delete(alias);
    }
    return touched;
  }

  return {
    remove,
    set(claimant) {
      const known = claimants.get(claimant.name);
      if (known !== undefined && sayOf(known) === sayOf(claimant)) return [];
      const touched = new Set(remove(claimant.name));
      claimants.set(claimant.name, claimant);
      for (const alias of namesOf(claimant)) {
        const holders = byAlias.get(alias) ?? new Set();
        for (const holder of holders) touched.add(holder);
        byAlias.set(alias, holders.add(claimant.name));
      }
      touched.delete(claimant.name);
      return [...touched];
    },
    conflictOf(name) {
      const own = claimants.get(name);
      if (own === undefined) return undefined;
      for (const alias of namesOf(own))
        for (const holder of byAlias.get(alias) ?? []) {
          const other = claimants.get(holder);
          if (other !== undefined && isOlder(other, own)) return { alias, holder };
        }
      return undefined;
    },
  };
}

function namesOf({ name, aliases }: NameClaimant): Set<string> {
  return new Set([name, ...aliases].map(alias => withoutLatest(alias).toLowerCase()));
}

function sayOf(claimant: NameClaimant): string {
  return `${claimant.created} ${[...namesOf(claimant)].join(" ")}`;
}

function isOlder(one: NameClaimant, other: NameClaimant): boolean {
  return one.created === other.created ? one.name < other.name : one.created < other.created;
}
