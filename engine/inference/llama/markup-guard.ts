/** The guard round other people's text: what looks like a special token in it stays text when the template is tokenised. */
import type { JsonValue } from "../../contract/chat.ts";

/** A piece of a rendered prompt. */
export interface PromptPart {
  text: string;
  /** Whether markup in it means what it says; false for what only looks like markup. */
  markup: boolean;
}

export interface MarkupGuard {
  /** The value with every forged special token in its strings and keys replaced by a placeholder. */
  protect(value: JsonValue): JsonValue;
  /** The rendered prompt, cut at the placeholders, with their texts put back. */
  split(rendered: string): PromptPart[];
}

/** A private-use character; where others wrote it themselves it is replaced as well, so it is always ours. */
const mark = "\uF8D7";
const placeholder = /\uF8D7(\d+)\uF8D7/u;

/**
 * Only what could be taken for a special token is treated apart, so that ordinary text gets the very tokens the model was trained on.
 * A text that begins or ends with a part of one is fenced there, lest the template's own characters complete it.
 */
export function createMarkupGuards(specials: readonly string[]): () => MarkupGuard {
  const wanted = [...new Set(specials)].filter(special => special.length > 0);
  const sorted = [mark, ...wanted].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(sorted.map(escapeForPattern).join("|"), "gu");
  const heads = new Set(
    wanted.flatMap(special => cutsOf(special).map(cut => special.slice(0, cut))),
  );
  const tails = new Set(wanted.flatMap(special => cutsOf(special).map(cut => special.slice(cut))));
  const lengthMax = Math.max(0, ...wanted.map(special => special.length - 1));

  return () => {
    const literals: string[] = [];
    const replace = (literal: string) => `${mark}${literals.push(literal) - 1}${mark}`;
    const protectText = (text: string) => {
      const lengths = Array.from({ length: Math.min(lengthMax, text.length) }, (_, at) => at + 1);
      const opens = lengths.some(length => tails.has(text.slice(0, length)));
      const closes = lengths.some(length => heads.has(text.slice(-length)));
      const inner = text.replace(pattern, replace);
      return `${opens ? replace("") : ""}${inner}${closes ? replace("") : ""}`;
    };
    return {
      protect: value => mapTexts(value, protectText),
      split: rendered => splitAt(rendered, literals),
    };
  };
}

function splitAt(rendered: string, literals: readonly string[]): PromptPart[] {
  return rendered
    .split(placeholder)
    .map((text, index) =>
      index % 2 === 0
        ? { text, markup: true }
        : { text: literals[Number(text)] ?? "", markup: false },
    )
    .filter(part => part.text !== "");
}

function mapTexts(value: JsonValue, map: (text: string) => string): JsonValue {
  if (typeof value === "string") return map(value);
  if (Array.isArray(value)) return value.map(inner => mapTexts(inner, map));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [map(key), mapTexts(inner, map)]),
  );
}

function cutsOf(text: string): number[] {
  return Array.from({ length: text.length - 1 }, (_, index) => index + 1);
}

function escapeForPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
