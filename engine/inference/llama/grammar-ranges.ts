/** Integers between two bounds as a grammar over their decimal digits. */

/** Digits of an integer at most: what a double holds exactly, rounded down. */
const digitsMax = 15;
const largest = 10 ** digitsMax - 1;

/** Bounds beyond 15 digits are no bounds; undefined when all of the range lies beyond. */
export function integerRange(low: number, high: number): string | undefined {
  const from = Math.max(low, -largest);
  const to = Math.min(high, largest);
  if (from > to) return undefined;
  if (from === -largest && to === largest) return `"-"? ("0" | [1-9] [0-9]{0,${digitsMax - 1}})`;
  const parts: string[] = [];
  if (from < 0) parts.push(`"-" (${naturals(Math.max(1, -to), -from)})`);
  if (to >= 0) parts.push(naturals(Math.max(0, from), to));
  return `(${parts.join(" | ")})`;
}

/** One alternative for each number of digits. */
function naturals(from: number, to: number): string {
  const parts: string[] = [];
  for (let length = String(from).length; length <= String(to).length; length++) {
    const smallest = length === 1 ? 0 : 10 ** (length - 1);
    const low = String(Math.max(from, smallest));
    const high = String(Math.min(to, 10 ** length - 1));
    parts.push(sameLength(low, high));
  }
  return parts.join(" | ");
}

/** Digit strings between two of the same length. */
function sameLength(low: string, high: string): string {
  if (low === high) return `"${low}"`;
  const [first, last] = [low[0] ?? "", high[0] ?? ""];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (lowRest === "") return `[${first}-${last}]`;
  if (first === last) return `"${first}" (${sameLength(lowRest, highRest)})`;
  if (/^0+$/.test(lowRest) && /^9+$/.test(highRest))
    return `[${first}-${last}] [0-9]{${lowRest.length}}`;
  const nines = "9".repeat(lowRest.length);
  const zeros = "0".repeat(lowRest.length);
  const parts = [`"${first}" (${sameLength(lowRest, nines)})`];
  const [next, before] = [Number(first) + 1, Number(last) - 1];
  if (next <= before) parts.push(`[${next}-${before}] [0-9]{${lowRest.length}}`);
  parts.push(`"${last}" (${sameLength(zeros, highRest)})`);
  return parts.join(" | ");
}
