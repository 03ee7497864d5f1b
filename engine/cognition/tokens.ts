/** From a text to the terms that recall finds it by. */
import { limits } from "../contract/limits.ts";
import { stem } from "./stem.ts";

/** Words that stand in every English text and so tell none apart; contractions as they read without apostrophe. */
const stopWords = new Set(
  (
    "a about an am and any are arent as at be been being but by can cant could did didnt do does doesnt doing dont " +
    "for from get got had has hasnt have havent having he her hers him his how i id if ill im in into is isnt it its " +
    "ive just let me might mine my myself no not of on or our ours out please she should so some such than that thats " +
    "the their theirs them then there these they this those to too u up us very was wasnt we were werent what whats " +
    "when where wheres which who whom whos whose why will with wont would you youll your youre yours yourself youve"
  ).split(" "),
);

/** Scripts that are written without spaces between words, or whose words grow particles: pairs of characters stand for words. */
const paired =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]+/gu;

/** A run of letters or of digits: "gpt4" is "gpt" and "4". */
const words = /[\p{L}\p{M}]+|\p{N}+/gu;

/**
 * Term → how often it stands in the text, in the order of first appearance; the first `limits.eventTermsMax` only.
 * The same for what is remembered and for what is asked: lower case, without accents, stop words and English endings.
 */
export function toTerms(text: string): Map<string, number> {
  const terms = new Map<string, number>();
  for (const word of normalise(text).match(words) ?? [])
    for (const term of toWordTerms(word)) {
      const count = terms.get(term) ?? 0;
      if (count === 0 && terms.size >= limits.eventTermsMax) return terms;
      terms.set(term, count + 1);
    }
  return terms;
}

/** Compatible forms, small letters, no combining accents (U+0300–036F) and no apostrophes. */
function normalise(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .normalize("NFC")
    .toLowerCase()
    .replace(/['’](?:s\b)?/g, "");
}

function toWordTerms(word: string): string[] {
  const pairs = (word.match(paired) ?? []).flatMap(toPairs);
  const rest = pairs.length === 0 ? [word] : word.replace(paired, " ").split(" ");
  const stems = rest
    .filter(part => part !== "" && !stopWords.has(part))
    .map(part => cut(stem(cut(part))));
  return [...pairs, ...stems];
}

function toPairs(run: string): string[] {
  const characters = [...run];
  if (characters.length < 2) return characters;
  return characters.slice(1).map((character, index) => `${characters[index]}${character}`);
}

function cut(term: string): string {
  return term.slice(0, limits.termCharactersMax).toWellFormed();
}
