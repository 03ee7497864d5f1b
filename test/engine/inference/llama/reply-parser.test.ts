/** The reply parser lets no markup through, however the text is cut. */
import { describe, expect, it } from "vitest";
import {
  createReplyParser,
  type ReplyPiece,
} from "../../../../engine/inference/llama/reply-parser.ts";

type Options = Parameters<typeof createReplyParser>[0];
const hermes: Options = { toolForm: "hermes", startsInThought: false };

/** The pieces of `text` when it comes in parts of `size` characters; neighbours of one type joined. */
function parse(text: string, options: Options, size: number): ReplyPiece[] {
  const parser = createReplyParser(options);
  const pieces: ReplyPiece[] = [];
  for (let at = 0; at < text.length; at += size)
    pieces.push(...parser.push(text.slice(at, at + size)));
  pieces.push(...parser.end());
  return pieces.reduce<ReplyPiece[]>((joined, piece) => {
    const last = joined.at(-1);
    if (last !== undefined && last.type !== "call" && piece.type === last.type) {
      last.text += piece.text;
      return joined;
    }
    joined.push({ ...piece });
    return joined;
  }, []);
}

const call = '<tool_call>\n{"name": "f", "arguments": {"b": 1, "a": [2]}}\n</tool_call>';
const called = { type: "call", name: "f", arguments: { b: 1, a: [2] } };

const cases: [name: string, text: string, options: Options, expected: unknown[]][] = [
  ["plain text", "Hello, who?", hermes, [{ type: "text", text: "Hello, who?" }]],
  ["a call", call, hermes, [called]],
  [
    "text and two calls",
    `I look.\n${call}\n${call}\n`,
    hermes,
    [{ type: "text", text: "I look." }, called, called],
  ],
  [
    "text of several words after a call",
    `${call}\n Now it is red. \n`,
    hermes,
    [called, { type: "text", text: "Now it is red." }],
  ],
  ["a call that is cut off", call.slice(0, -12), hermes, [called]],
  [
    "a call that is no JSON",
    "<tool_call>oh no</tool_call>",
    hermes,
    [{ type: "text", text: "oh no" }],
  ],
  ["a lone bracket", "a < b and <tool", hermes, [{ type: "text", text: "a < b and <tool" }]],
  [
    "a thought",
    "<think>\nhm\n</think>\n\nYes",
    hermes,
    [
      { type: "thought", text: "hm" },
      { type: "text", text: "Yes" },
    ],
  ],
  [
    "a thought that the prompt opened",
    "hm</think>Yes",
    { ...hermes, startsInThought: true },
    [
      { type: "thought", text: "hm" },
      { type: "text", text: "Yes" },
    ],
  ],
  ["a thought without end", "<think>hm", hermes, [{ type: "thought", text: "hm" }]],
  [
    "a call without tools",
    "<tool_call>",
    { toolForm: undefined, startsInThought: false },
    [{ type: "text", text: "<tool_call>" }],
  ],
  [
    "bare JSON",
    '{"name": "f", "parameters": {"b": 1, "a": [2]}}',
    { ...hermes, toolForm: "bare" },
    [called],
  ],
  [
    "bare JSON that is no call",
    '{"x": 1}',
    { ...hermes, toolForm: "bare" },
    [{ type: "text", text: '{"x": 1}' }],
  ],
  ["nothing", "", hermes, []],
];

describe("reply parser", () => {
  for (const [name, text, options, expected] of cases)
    it(`reads ${name}`, () => {
      for (const size of [1, 2, 3, 7, 1_000]) expect(parse(text, options, size)).toEqual(expected);
    });
});
