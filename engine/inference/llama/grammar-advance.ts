/** Brings a grammar to where a begun reply stands: the library does so for the tokens that it samples itself only. */
import type { LlamaGrammarEvaluationState, Token } from "node-llama-cpp";
import { EngineError } from "../../contract/errors.ts";

/** What of the library is no part of its types; test/live/llama-continuation.test.ts shows that it is there. */
interface StateInside {
  _state: object;
  _llama: {
    _bindings: {
      AddonSampler: {
        canBeNextTokenForGrammarEvaluationState(state: object, token: Token): boolean;
        acceptGrammarEvaluationStateToken(state: object, token: Token): void;
      };
    };
  };
}

/** @throws EngineError invalid_request when the grammar would not have allowed these tokens */
export function advanceGrammar(
  state: LlamaGrammarEvaluationState,
  tokens: readonly number[],
): void {
  if (tokens.length === 0) return;
  const { _state, _llama } = state as unknown as StateInside;
  const sampler = _llama._bindings.AddonSampler;
  for (const token of tokens as readonly Token[]) {
    // Accepting what does not fit would end the process.
    if (!sampler.canBeNextTokenForGrammarEvaluationState(_state, token)) throw misfit();
    sampler.acceptGrammarEvaluationStateToken(_state, token);
  }
}

function misfit(): EngineError {
  return new EngineError(
    "invalid_request",
    "The begun reply does not follow the form that is asked for.",
    { field: "already", remedy: "Begin the reply anew." },
  );
}
