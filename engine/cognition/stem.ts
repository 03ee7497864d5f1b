/**
 * Cuts the inflections of English words, so that "lives", "living" and "live" meet.
 * The rules are step 1 of M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, plus -our for -or;
 * the later steps, which cut derivations ("relational" → "relate"), make more false friends than they find memories.
 */
export function stem(word: string): string {
  if (word.length < 3 || !/^[a-z]+$/.test(word)) return word;
  return cutFinalE(toI(cutPast(cutPlural(toAmerican(word)))));
}

const vowels = "aeiou";

function isVowel(word: string, index: number): boolean {
  const letter = word[index] ?? "";
  if (vowels.includes(letter)) return true;
  return letter === "y" && index > 0 && !isVowel(word, index - 1);
}

function hasVowel(word: string): boolean {
  return [...word].some((_, index) => isVowel(word, index));
}

/** Porter's measure: how often a vowel run is followed by a consonant run. */
function measure(word: string): number {
  let count = 0;
  for (let index = 1; index < word.length; index++)
    if (isVowel(word, index - 1) && !isVowel(word, index)) count += 1;
  return count;
}

/** "colour", "favourite" → "color", "favorite"; not "four", "hour", "source". */
function toAmerican(word: string): string {
  return word.replace(/^(arm|behavi|col|fav|flav|harb|hon|hum|lab|neighb|rum|vap)our/, "$1or");
}

/** Step 1a. */
function cutPlural(word: string): string {
  if (word.endsWith("sses")) return word.slice(0, -2);
  if (word.endsWith("ies")) return word.length > 4 ? `${word.slice(0, -3)}y` : word.slice(0, -1);
  if (/(?:ss|us|is)$/.test(word)) return word;
  return word.endsWith("s") && word.length > 3 ? word.slice(0, -1) : word;
}

/** Step 1b. */
function cutPast(word: string): string {
  if (word.endsWith("eed")) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word;
  const ending = /(?:ed|ing)$/.exec(word)?.[0];
  if (ending === undefined) return word;
  const rest = word.slice(0, -ending.length);
  if (rest.length < 2 || !hasVowel(rest)) return word;
  return mendEnding(rest);
}

/** "hopping" → "hop", "hoping" → "hope", "creating" → "create". */
function mendEnding(rest: string): string {
  if (/(?:at|bl|iz)$/.test(rest)) return `${rest}e`;
  if (/([^aeioulsz])\1$/.test(rest)) return rest.slice(0, -1);
  return measure(rest) === 1 && isShort(rest) ? `${rest}e` : rest;
}

/** Ends consonant, vowel, consonant other than w, x, y. */
function isShort(word: string): boolean {
  const last = word.length - 1;
  return (
    last >= 2 &&
    !isVowel(word, last) &&
    isVowel(word, last - 1) &&
    !isVowel(word, last - 2) &&
    !"wxy".includes(word[last] ?? "")
  );
}

/** Step 1c: "happy" and "happi" meet. */
function toI(word: string): string {
  return word.endsWith("y") && word.length > 2 && hasVowel(word.slice(0, -1))
    ? `${word.slice(0, -1)}i`
    : word;
}

/** "drive" and "driv", "name" and "nam" meet, whichever ending was cut before. */
function cutFinalE(word: string): string {
  return word.length > 3 && /[^e]e$/.test(word) ? word.slice(0, -1) : word;
}
