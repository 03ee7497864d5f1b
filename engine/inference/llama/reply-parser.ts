/** From a model's raw text to thoughts, text and tool calls, while it streams; no markup gets through. */
import type { JsonValue } from "../../contract/chat.ts";
import { longestOpenEnd } from "../stop-strings.ts";
import type { ToolForm } from "./chat-template.ts";

export type ReplyPiece =
  | { type: "text"; text: string }
  | { type: "thought"; text: string }
  | { type: "call"; name: string; arguments: { [key: string]: JsonValue } };

export interface ReplyParser {
  push(text: string): ReplyPiece[];
  /** The rest, when the model has ended. */
  end(): ReplyPiece[];
}

export interface ReplyParserOptions {
  /** How calls look; undefined when no tools were offered, so that everything is text. */
  toolForm: ToolForm | undefined;
  /** The prompt itself has opened a thought. */
  startsInThought: boolean;
}

type Mode = "start" | "thought" | "answer" | "text" | "call" | "bare";

const thinkOpen = "<think>";
const thinkClose = "</think>";
const callOpen = "<tool_call>";
const callClose = "</tool_call>";

export function createReplyParser(options: ReplyParserOptions): ReplyParser {
  let mode: Mode = options.startsInThought ? "thought" : "start";
  let rest = "";
  let called = false;
  /** Blanks between a call and the text after it are nobody's. */
  let justCalled = false;
  let thought = false;
  let pieces: ReplyPiece[] = [];

  const say = (type: "text" | "thought", text: string) => {
    if (text !== "") pieces.push({ type, text });
  };
  const call = (json: string) => {
    const calls = parseCalls(json);
    called ||= calls.length > 0;
    justCalled = called;
    if (calls.length === 0) say("text", json.trim());
    pieces.push(...calls);
  };

  /** One step of one mode; false when it needs more text. */
  const step: Record<Mode, () => boolean> = {
    start() {
      const text = rest.trimStart();
      if (thinkOpen.startsWith(text)) return false;
      if (text.startsWith(thinkOpen)) {
        rest = text.slice(thinkOpen.length);
        mode = "thought";
        return true;
      }
      mode = options.toolForm === "bare" && text.startsWith("{") ? "bare" : "text";
      return true;
    },
    thought() {
      if (!thought) rest = rest.trimStart();
      thought ||= rest !== "";
      const end = rest.indexOf(thinkClose);
      if (end >= 0) {
        say("thought", rest.slice(0, end).trimEnd());
        rest = rest.slice(end + thinkClose.length);
        mode = "answer";
        return true;
      }
      // The line break before the closing tag is the template's, not the thought's.
      const open = rest.length - longestOpenEnd(rest, [thinkClose]);
      const keep = rest.slice(0, open).trimEnd().length;
      say("thought", rest.slice(0, keep));
      rest = rest.slice(keep);
      return false;
    },
    answer() {
      rest = rest.trimStart();
      if (rest === "") return false;
      mode = options.toolForm === "bare" && rest.startsWith("{") ? "bare" : "text";
      return true;
    },
    text() {
      if (options.toolForm !== "hermes") {
        say("text", rest);
        rest = "";
        return false;
      }
      if (justCalled) rest = rest.trimStart();
      if (rest !== "") justCalled = false;
      const start = rest.indexOf(callOpen);
      if (start >= 0) {
        say("text", rest.slice(0, start).trimEnd());
        rest = rest.slice(start + callOpen.length);
        mode = "call";
        return true;
      }
      const open = rest.length - longestOpenEnd(rest, [callOpen]);
      const keep = rest.slice(0, open).trimEnd().length;
      say("text", rest.slice(0, keep));
      rest = rest.slice(keep);
      return false;
    },
    call() {
      const end = rest.indexOf(callClose);
      if (end < 0) return false;
      call(rest.slice(0, end));
      rest = rest.slice(end + callClose.length);
      mode = "text";
      return true;
    },
    bare: () => false,
  };

  const take = () => {
    const taken = pieces;
    pieces = [];
    return taken;
  };

  return {
    push(text) {
      rest += text;
      while (step[mode]());
      return take();
    },
    end() {
      if (mode === "thought") say("thought", rest.trimEnd());
      else if (mode === "call" || mode === "bare") call(rest);
      else say("text", called ? rest.trimEnd() : rest);
      rest = "";
      return take();
    },
  };
}

/** The calls in `json`: one, or a list; none when it is no call. */
function parseCalls(json: string): (ReplyPiece & { type: "call" })[] {
  const value = parseJson(json);
  return (Array.isArray(value) ? value : [value]).flatMap(one => {
    if (!isObject(one) || typeof one.name !== "string") return [];
    const given = one.arguments ?? one.parameters ?? {};
    const inner = typeof given === "string" ? parseJson(given) : given;
    return isObject(inner) ? [{ type: "call", name: one.name, arguments: inner }] : [];
  });
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
