/** One reply in the making: from sampled tokens to the items of a generation. */
import { randomUUID } from "node:crypto";
import type { BegunReply, FinishReason, GenerateItem, Usage } from "../../contract/chat.ts";
import { createShownFilter, type ReplyItem } from "../begun-reply.ts";
import { createStopFilter } from "../stop-strings.ts";
import { createReplyParser, type ReplyParserOptions, type ReplyPiece } from "./reply-parser.ts";
import type { TokenText } from "./token-text.ts";

export interface Reply {
  /** Whether it was complete before its first token: what it goes on with left nothing to say. */
  isComplete(): boolean;
  /** Takes a token; false when the reply is complete. */
  push(token: number): boolean;
  /** The last items; `done` is the last of them. */
  finish(): GenerateItem[];
}

export interface ReplyOptions extends ReplyParserOptions {
  text: TokenText;
  stops: readonly string[];
  /** Tokens that the reply may have, those of `already` included. */
  room: number;
  /** The reply as it was begun elsewhere. */
  already?: BegunReply | undefined;
  promptTokens: number;
  cachedTokens: number;
  now: () => number;
  emit: (item: GenerateItem) => void;
}

export function createReply(options: ReplyOptions): Reply {
  const parser = createReplyParser(options);
  const filter = createStopFilter(options.stops);
  const unseen = createShownFilter(options.already);
  const started = options.now();
  let firstAt: number | undefined;
  let completionTokens = options.already?.tokens ?? 0;
  let calls = 0;
  let stopped = false;
  let full = completionTokens >= options.room;
  /** What the model wrote since the last item. */
  let raw = "";

  const show = (piece: ReplyPiece, emit: (item: GenerateItem) => void) => {
    if (stopped) return;
    const say = (item: ReplyItem) => {
      const rest = unseen.pass(item);
      if (rest === undefined) return;
      emit({ ...rest, raw, tokens: completionTokens });
      raw = "";
    };
    if (piece.type === "thought") return say(piece);
    if (piece.type === "call") {
      calls += 1;
      const call = { id: `call_${randomUUID()}`, name: piece.name, arguments: piece.arguments };
      return say({ type: "toolCall", call });
    }
    const shown = filter.push(piece.text);
    stopped = shown.stopped;
    if (shown.text !== "") say({ type: "text", text: shown.text });
  };

  /** What was held back because it might have become a stop string. */
  const flush = (emit: (item: GenerateItem) => void) => {
    const rest = unseen.pass({ type: "text", text: filter.flush() });
    if (rest !== undefined) emit({ ...rest, raw, tokens: completionTokens });
  };

  const take = (text: string, emit: (item: GenerateItem) => void) => {
    raw += text;
    for (const piece of parser.push(text)) show(piece, emit);
  };

  if (options.already !== undefined) {
    for (const piece of parser.push(options.already.raw)) show(piece, options.emit);
    unseen.replayed();
  }

  return {
    isComplete: () => stopped || full,
    push(token) {
      firstAt ??= options.now();
      completionTokens += 1;
      full = completionTokens >= options.room;
      take(options.text.push(token), options.emit);
      return !stopped && !full;
    },
    finish() {
      const items: GenerateItem[] = [];
      const emit = (item: GenerateItem) => void items.push(item);
      if (!stopped) {
        take(options.text.flush(), emit);
        for (const piece of parser.end()) show(piece, emit);
      }
      if (!stopped) flush(emit);
      const { promptTokens, cachedTokens } = options;
      const usage: Usage = { promptTokens, cachedTokens, completionTokens };
      const ended = options.now();
      const timings = {
        queueMs: 0,
        promptMs: (firstAt ?? ended) - started,
        decodeMs: ended - (firstAt ?? ended),
      };
      const reason: FinishReason = calls > 0 ? "toolCalls" : full && !stopped ? "length" : "stop";
      emit({ type: "done", reason, usage, timings });
      return items;
    },
  };
}
