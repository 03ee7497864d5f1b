/** Which sequence serves a request: the one that already holds most of its prompt, never one of another scope. */

export interface HeldSequence {
  busy: boolean;
  /** Whose tokens it holds; undefined when it holds none. */
  scope: string | undefined;
  tokens: readonly number[];
  /** Counts up with each use. */
  usedAt: number;
}

export interface SequenceChoice {
  index: number;
  /** Tokens at its beginning that stay. */
  keep: number;
}

/** undefined when all are busy. The last token of a prompt is always evaluated again: its logits give the first reply token. */
export function chooseSequence(
  sequences: readonly HeldSequence[],
  scope: string,
  prompt: readonly number[],
): SequenceChoice | undefined {
  const free = sequences.flatMap((sequence, index) => (sequence.busy ? [] : [{ sequence, index }]));
  const ranked = free
    .map(({ sequence, index }) => ({
      index,
      keep: sequence.scope === scope ? commonStart(sequence.tokens, prompt) : 0,
      usedAt: sequence.tokens.length === 0 ? -1 : sequence.usedAt,
    }))
    .sort((a, b) => b.keep - a.keep || a.usedAt - b.usedAt);
  const best = ranked[0];
  return best && { index: best.index, keep: best.keep };
}

function commonStart(held: readonly number[], prompt: readonly number[]): number {
  const end = Math.min(held.length, prompt.length - 1);
  let length = 0;
  while (length < end && held[length] === prompt[length]) length += 1;
  return length;
}
