/** One reply in the making: from sampled tokens to the items of a generation. */
import { randomUUID } from "node:crypto";
import type { FinishReason, GenerateItem, Usage } from "../../contract/chat.ts";
import { createStopFilter } from "../stop-strings.ts";
import { createReplyParser, type ReplyParserOptions, type ReplyPiece } from "./reply-parser.ts";
import type { TokenText } from "./token-text.ts";

export interface Reply {
  /** Takes a token; false when the reply is complete. */
  push(token: number): boolean;
  /** The last items; `done` is the last of them. */
  finish(): GenerateItem[];
}

export interface ReplyOptions extends ReplyParserOptions {
  text: TokenText;
  stops: readonly string[];
  /** Tokens that the reply may have. */
  room: number;
  promptTokens: number;
  cachedTokens: number;
  now: () => number;
  emit: (item: GenerateItem) => void;
}

export function createReply(options: ReplyOptions): Reply {
  const parser = createReplyParser(options);
  const filter = createStopFilter(options.stops);
  const started = options.now();
  let firstAt: number | undefined;
  let completionTokens = 0;
  let calls = 0;
  let stopped = false;
  let full = options.room <= 0;

  const show = (piece: ReplyPiece, emit: (item: GenerateItem) => void) => {
    if (stopped) return;
    if (piece.type === "thought") return emit(piece);
    if (piece.type === "call") {
      calls += 1;
      const call = { id: `call_${randomUUID()}`, name: piece.name, arguments: piece.arguments };
      return emit({ type: "toolCall", call });
    }
    const shown = filter.push(piece.text);
    stopped = shown.stopped;
    if (shown.text !== "") emit({ type: "text", text: shown.text });
  };

  return {
    push(token) {
      firstAt ??= options.now();
      completionTokens += 1;
      full = completionTokens >= options.room;
      for (const piece of parser.push(options.text.push(token))) show(piece, options.emit);
      return !stopped && !full;
    },
    finish() {
      const items: GenerateItem[] = [];
      const emit = (item: GenerateItem) => void items.push(item);
      if (!stopped) {
        for (const piece of parser.push(options.text.flush())) show(piece, emit);
        for (const piece of parser.end()) show(piece, emit);
      }
      const rest = stopped ? "" : filter.flush();
      if (rest !== "") emit({ type: "text", text: rest });
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
