/** Tokens waiting: how much work the admitted requests of a model still are, about; what scalers and routers go by. */
import type { GenerateRequest } from "../contract/chat.ts";
import { limits } from "../contract/limits.ts";
import type { Backend, BackendFacts } from "./backend.ts";

/** Of most texts in most vocabularies; counting exactly would cost a rendering of each prompt. */
const charactersPerToken = 4;

/** The same backend, whose load says how many tokens are wanted. */
export function withTokensWaiting(backend: Backend): Backend {
  let wanted = 0;
  return {
    ...backend,
    load: () => ({ ...backend.load(), tokensWaiting: Math.max(0, wanted) }),
    async *generate(request, signal) {
      const wish = toWish(request, backend.facts());
      let left = wish.prompt + wish.completion;
      wanted += left;
      const set = (now: number) => {
        wanted += now - left;
        left = now;
      };
      try {
        for await (const item of backend.generate(request, signal)) {
          if (item.type !== "done") set(Math.max(0, wish.completion - toWritten(item, request)));
          yield item;
        }
      } finally {
        set(0);
      }
    },
  };
}

function toWish(request: GenerateRequest, { contextTokens }: BackendFacts) {
  const { input } = request;
  const characters =
    input.kind === "prompt"
      ? input.prompt.length
      : input.messages.reduce((sum, message) => sum + message.content.length, 0);
  const prompt = Math.min(contextTokens, Math.ceil(characters / charactersPerToken));
  const most = request.maxTokens ?? limits.completionTokensDefault;
  const completion = Math.max(
    0,
    Math.min(most - (request.already?.tokens ?? 0), contextTokens - prompt),
  );
  return { prompt, completion };
}

function toWritten(item: { tokens?: number }, request: GenerateRequest): number {
  return (item.tokens ?? 0) - (request.already?.tokens ?? 0);
}
