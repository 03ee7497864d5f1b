/** One turn at a time in one conversation, so that its history stays in order; erasing cuts the line. */
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";

export interface TurnPlace {
  /** Aborts when the conversation is erased. */
  readonly signal: AbortSignal;
  /** Lets the next one in. Idempotent. */
  leave(): void;
}

export interface TurnQueue {
  /** Resolves when every earlier turn has left. @throws EngineError overloaded, cancelled, conversation_not_found (erased meanwhile) */
  enter(key: string, signal: AbortSignal): Promise<TurnPlace>;
  /** Cuts the running turn and sends away those who wait; whoever comes now begins a new line. */
  erase(key: string): void;
}

interface Line {
  running: AbortController;
  waiting: { go(place: TurnPlace): void; refuse(error: EngineError): void }[];
}

export function createTurnQueue(): TurnQueue {
  const lines = new Map<string, Line>();

  function take(key: string, line: Line): TurnPlace {
    const own = new AbortController();
    line.running = own;
    return { signal: own.signal, leave: () => leave(key, line, own) };
  }

  function leave(key: string, line: Line, own: AbortController): void {
    if (line.running !== own || lines.get(key) !== line) return;
    const next = line.waiting.shift();
    if (next === undefined) lines.delete(key);
    else next.go(take(key, line));
  }

  function wait(line: Line, signal: AbortSignal): Promise<TurnPlace> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        line.waiting.splice(line.waiting.indexOf(waiter), 1);
        reject(new EngineError("cancelled", "The client went away while its turn waited."));
      };
      const waiter = {
        go: (place: TurnPlace) => {
          signal.removeEventListener("abort", stop);
          resolve(place);
        },
        refuse: (error: EngineError) => {
          signal.removeEventListener("abort", stop);
          reject(error);
        },
      };
      line.waiting.push(waiter);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  async function enter(key: string, signal: AbortSignal): Promise<TurnPlace> {
    if (signal.aborted) throw new EngineError("cancelled", "The client went away.");
    const line = lines.get(key);
    if (line === undefined) {
      const begun: Line = { running: new AbortController(), waiting: [] };
      lines.set(key, begun);
      return take(key, begun);
    }
    if (line.waiting.length >= limits.conversationTurnsWaitingMax)
      throw new EngineError("overloaded", "Too many turns wait in this conversation.", {
        retryAfterSeconds: 5,
      });
    return wait(line, signal);
  }

  function erase(key: string): void {
    const line = lines.get(key);
    lines.delete(key);
    for (const waiter of line?.waiting.splice(0) ?? []) waiter.refuse(erased());
    line?.running.abort(erased());
  }

  return { enter, erase };
}

function erased(): EngineError {
  return new EngineError("conversation_not_found", "The conversation was deleted meanwhile.");
}
