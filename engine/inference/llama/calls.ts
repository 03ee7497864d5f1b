/** The requests that an inference process is working on, each with the way its answers go. */
import type { EmbedResult, GenerateItem } from "../../contract/chat.ts";
import { type EngineError, errorFromShape } from "../../contract/errors.ts";
import type { FromChild } from "./protocol.ts";

export type Answer =
  | { type: "item"; item: GenerateItem }
  | { type: "counted"; tokens: number }
  | { type: "embedded"; result: EmbedResult }
  | { type: "error"; error: EngineError };

export interface Call {
  /** Takes an answer; `last` with the one that ends the call. */
  onAnswer: (answer: Answer, last: boolean) => void;
  /** Whether it needs cores. */
  computes: boolean;
}

export interface Calls {
  open(call: Call): number;
  receive(message: FromChild): void;
  /** Ends all of them with an error. */
  failAll(error: EngineError): void;
}

/** `onBusy` is told when the first call that computes begins and when the last has ended. */
export function createCalls(onBusy: (busy: boolean) => void): Calls {
  const calls = new Map<number, Call>();
  let nextId = 1;
  let computing = 0;

  const answer = (id: number, given: Answer, last: boolean) => {
    const call = calls.get(id);
    if (call === undefined) return;
    if (last) calls.delete(id);
    call.onAnswer(given, last);
    if (!last || !call.computes) return;
    computing -= 1;
    if (computing === 0) onBusy(false);
  };

  return {
    open(call) {
      const id = nextId++;
      calls.set(id, call);
      if (call.computes) computing += 1;
      if (call.computes && computing === 1) onBusy(true);
      return id;
    },
    receive(message) {
      switch (message.type) {
        case "items":
          for (const [id, item] of message.items)
            answer(id, { type: "item", item }, item.type === "done");
          return;
        case "counted":
        case "embedded":
          return answer(message.id, message, true);
        case "error":
          return answer(message.id, { type: "error", error: errorFromShape(message.error) }, true);
      }
    },
    failAll(error) {
      for (const id of [...calls.keys()]) answer(id, { type: "error", error }, true);
    },
  };
}
