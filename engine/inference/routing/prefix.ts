/** Prompt prefixes as chains of numbers: two prompts share a prefix as far as their chains are equal. */
import type { GenerateInput, GenerateRequest, Message } from "../../contract/chat.ts";

/** Characters of one block, about 64 tokens: less than that is not worth a detour. */
export const blockCharacters = 256;

/** Blocks of one prompt that are looked at; what lies behind shares its fate. */
export const chainBlocksMax = 4_096;

/** The scope first, then one number for each whole block of the prompt, each made of all text before it. */
export type PrefixChain = readonly number[];

/**
 * Of the text as the model gets it, near enough: the same messages, tools and order give the same chain, and nothing
 * is shared between scopes. A collision misleads a choice of worker and nothing else.
 */
export function toPrefixChain(request: Pick<GenerateRequest, "input" | "cacheScope">): PrefixChain {
  const hash = createRunningHash();
  hash.feed(request.cacheScope, () => true);
  const chain = [hash.value()];
  let filled = 0;
  const atBlock = () => {
    filled += 1;
    if (filled < blockCharacters) return true;
    filled = 0;
    chain.push(hash.value());
    return chain.length <= chainBlocksMax;
  };
  for (const text of textsOf(request.input)) if (!hash.feed(text, atBlock)) break;
  return chain;
}

function* textsOf(input: GenerateInput): Generator<string> {
  if (input.kind === "prompt") return yield input.prompt;
  for (const tool of input.tools ?? []) yield JSON.stringify(tool);
  for (const message of input.messages) {
    yield `\u0001${message.role}\u0002`;
    yield message.content;
    yield extrasOf(message);
  }
}

function extrasOf(message: Message): string {
  if (message.role === "tool") return `${message.toolName ?? ""}`;
  if (message.role !== "assistant" || message.toolCalls === undefined) return "";
  return JSON.stringify(message.toolCalls.map(({ name, arguments: given }) => [name, given]));
}

interface RunningHash {
  /** Calls `after` for each character; false ends it. */
  feed(text: string, after: () => boolean): boolean;
  value(): number;
}

/** Two lanes of FNV-1a with different primes, 53 bits together. */
function createRunningHash(): RunningHash {
  let left = 0x811c9dc5;
  let right = 0x9e3779b9;
  return {
    feed(text, after) {
      for (let index = 0; index < text.length; index++) {
        const code = text.charCodeAt(index);
        left = Math.imul(left ^ code, 0x01000193);
        right = Math.imul(right ^ code, 0x85ebca6b) ^ (right >>> 15);
        if (!after()) return false;
      }
      return true;
    },
    value: () => (right & 0x1f_ffff) * 4_294_967_296 + (left >>> 0),
  };
}

/** A number for the pair, evenly spread: who is highest for a key is its own worker, whoever computes it. */
export function toRank(key: number, worker: string): number {
  let mixed = (key ^ Math.floor(key / 4_294_967_296)) >>> 0;
  for (let index = 0; index < worker.length; index++)
    mixed = Math.imul(mixed ^ worker.charCodeAt(index), 0x01000193);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
