/** Randomness as a parameter: a seeded generator for tests, the system's for the product. */
import { randomBytes } from "node:crypto";

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, the same sequence for the same seed. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Unpredictable numbers from the operating system, 48 bits each. */
export const systemRandom: Random = () => randomBytes(6).readUIntBE(0, 6) / 281_474_976_710_656;

/** `length` characters of `alphabet`. */
export function randomText(random: Random, alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[Math.floor(random() * alphabet.length)]).join("");
}
