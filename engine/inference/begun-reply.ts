/** Begun replies: how far a reply is, so that another backend can go on with it, and what is left to show when one does. */
import type { BegunReply, DoneItem, GenerateItem } from "../contract/chat.ts";

export type ReplyItem = Exclude<GenerateItem, DoneItem>;

export const nothingBegun: BegunReply = {
  raw: "",
  tokens: 0,
  shown: { text: 0, thought: 0, toolCalls: 0 },
};

/** The reply with one more item yielded; undefined when the item does not say how far it is. */
export function addItem(begun: BegunReply, item: ReplyItem): BegunReply | undefined {
  if (item.raw === undefined || item.tokens === undefined) return undefined;
  const { shown } = begun;
  return {
    raw: begun.raw + item.raw,
    tokens: item.tokens,
    ...(shown === undefined ? {} : { shown: addShown(shown, item) }),
  };
}

function addShown(shown: NonNullable<BegunReply["shown"]>, item: ReplyItem) {
  if (item.type === "toolCall") return { ...shown, toolCalls: shown.toolCalls + 1 };
  return { ...shown, [item.type]: shown[item.type] + item.text.length };
}

export interface ShownFilter {
  /** What of the item was not yielded before. */
  pass(item: ReplyItem): ReplyItem | undefined;
  /** What the reply holds already has been gone through; the rest is new. */
  replayed(): void;
}

/** Lets through what a reply that is gone on with has not shown yet. */
export function createShownFilter(already: BegunReply | undefined): ShownFilter {
  const left = { text: 0, thought: 0, toolCalls: 0, ...already?.shown };
  let isReplaying = already !== undefined;
  return {
    pass(item) {
      // Without a word on what was shown, all of it was.
      if (isReplaying && already?.shown === undefined) return undefined;
      if (item.type === "toolCall") return left.toolCalls-- > 0 ? undefined : item;
      const skipped = Math.min(left[item.type], item.text.length);
      left[item.type] -= skipped;
      const text = item.text.slice(skipped);
      return text === "" ? undefined : { ...item, text };
    },
    replayed() {
      isReplaying = false;
    },
  };
}
