/** A model's vocabulary: from parts of a prompt to tokens, and from the tokens of a reply to text. */
import type { LlamaModel, Token } from "node-llama-cpp";
import type { PromptPart } from "./markup-guard.ts";
import { createTokenText } from "./token-text.ts";

export function toText(model: LlamaModel) {
  const specials = listSpecials(model);
  const markup = new Map(
    ["<think>", "</think>", "<tool_call>", "</tool_call>"].flatMap(text => {
      const token = specials.get(text);
      return token === undefined ? [] : [[token, text] as const];
    }),
  );
  const { bos, shouldPrependBosToken } = model.tokens;
  return {
    chatTemplate: model.fileInfo.metadata.tokenizer?.chat_template,
    bosToken: model.tokens.bosString ?? "",
    eosToken: model.tokens.eosString ?? "",
    specials: [...specials.keys()],
    tokenize(parts: readonly PromptPart[]): number[] {
      const tokens: number[] = parts.flatMap((part, index) =>
        model.tokenize(part.text, part.markup, index === 0 ? undefined : "trimLeadingSpace"),
      );
      if (shouldPrependBosToken && bos !== null && tokens[0] !== bos) tokens.unshift(bos);
      return tokens;
    },
    toReplyParts: (raw: string): PromptPart[] => splitAtMarkup(raw, [...markup.values()]),
    newText: (earlier: readonly number[] = []) =>
      createTokenText((tokens, before) => {
        // Markup that is a special token has no text of its own, and the parser must see it.
        if (tokens.some(token => markup.has(token as Token)))
          return tokens.map(token => markup.get(token as Token) ?? "").join("");
        return model.detokenize(tokens as Token[], false, before as Token[]);
      }, earlier),
  };
}

function splitAtMarkup(text: string, marks: readonly string[]): PromptPart[] {
  const pattern = new RegExp(`(${marks.join("|")})`);
  const parts = marks.length === 0 ? [text] : text.split(pattern);
  return parts
    .map(part => ({ text: part, markup: marks.includes(part) }))
    .filter(part => part.text !== "");
}

function listSpecials(model: LlamaModel): Map<string, Token> {
  const specials = new Map<string, Token>();
  for (const token of model.iterateAllTokens()) {
    const attributes = model.getTokenAttributes(token);
    if (attributes.control || attributes.unknown)
      specials.set(model.detokenize([token], true), token);
  }
  specials.delete("");
  return specials;
}
