/** From tokens to text while they come: whole characters only, however the tokens cut them. */

export interface TokenText {
  /** The text that is complete with this token. */
  push(token: number): string;
  /** What is left when no token will follow. */
  flush(): string;
}

/** Tokens before, which some tokenizers need to place spaces. */
const contextTokens = 4;
/** More tokens than any character takes: bytes that no later token completes are shown as they are. */
const heldMax = 8;

/** `detokenize(tokens, before)` gives U+FFFD where a character is cut; `earlier` are the tokens of a begun reply. */
export function createTokenText(
  detokenize: (tokens: number[], before: number[]) => string,
  earlier: readonly number[] = [],
): TokenText {
  let before: number[] = earlier.slice(-contextTokens);
  let held: number[] = [];
  const release = (text: string) => {
    before = [...before, ...held].slice(-contextTokens);
    held = [];
    return text;
  };
  return {
    push(token) {
      held.push(token);
      const text = detokenize(held, before);
      return text.endsWith("\uFFFD") && held.length < heldMax ? "" : release(text);
    },
    flush() {
      return held.length === 0 ? "" : release(detokenize(held, before));
    },
  };
}
