/** Ids that sort by their time of birth. */
import type { Clock } from "./clock.ts";
import { type Random, randomText } from "./random.ts";

/** Crockford's base 32: no letters that are taken for others. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

export type NewId = (prefix: string) => string;

/** Ids such as `evt_01k7…`: the prefix, 9 characters of milliseconds, 13 of chance. */
export function createIds(clock: Clock, random: Random): NewId {
  return prefix => `${prefix}_${toBase32(clock.now(), 9)}${randomText(random, alphabet, 13)}`;
}

function toBase32(value: number, length: number): string {
  let rest = value;
  let text = "";
  for (let index = 0; index < length; index++) {
    text = `${alphabet[rest % 32]}${text}`;
    rest = Math.floor(rest / 32);
  }
  return text;
}
