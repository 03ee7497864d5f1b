/** The part of a long text that a question is about. */
import { toTerms } from "./tokens.ts";

/** Of a longer text only the beginning is looked at, so that one recall has a bounded price. */
export const readCharactersMax = 16_384;

/** Sentences, or pieces of one that never ends. */
const pieces = /[^.!?。！？\n]{1,240}[.!?。！？\n]*/g;

/** `text` if it is short enough, else the sentences round the one with most of the terms, verbatim. */
export function toExcerpt(text: string, terms: ReadonlySet<string>, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const parts = text.slice(0, readCharactersMax).match(pieces) ?? [];
  const hits = parts.map(
    part =>
      toTerms(part)
        .keys()
        .filter(term => terms.has(term))
        .toArray().length,
  );
  const best = hits.indexOf(Math.max(...hits));
  const { from, to } = widen(parts, best, charactersMax);
  const body = parts
    .slice(from, to + 1)
    .join("")
    .trim()
    .slice(0, charactersMax);
  return `${from > 0 ? "… " : ""}${body} …`;
}

/** Takes in the next sentence, then the one before, in turn, while there is room. */
function widen(
  parts: readonly string[],
  best: number,
  charactersMax: number,
): { from: number; to: number } {
  let from = best;
  let to = best;
  let room = charactersMax - (parts[best]?.length ?? 0);
  for (let isStuck = false; !isStuck; ) {
    isStuck = true;
    for (const next of [to + 1, from - 1]) {
      const length = parts[next]?.length ?? Number.POSITIVE_INFINITY;
      if (length > room) continue;
      room -= length;
      if (next > to) to = next;
      else from = next;
      isStuck = false;
    }
  }
  return { from, to };
}
