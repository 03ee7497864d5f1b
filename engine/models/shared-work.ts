/** One piece of work for all who want the same at once; it is given up when the last of them has gone. */
import type { TransferProgress } from "../contract/model.ts";
import { cancelled } from "./digest.ts";

type OnProgress = (progress: TransferProgress) => void;
type Start<V> = (onProgress: OnProgress, signal: AbortSignal) => Promise<V>;

export interface SharedWork<V> {
  /** Joins the work called `key`, or starts it. Aborting `signal` leaves it; the others are not disturbed. */
  join(key: string, onProgress: OnProgress, signal: AbortSignal, start: Start<V>): Promise<V>;
}

interface Piece<V> {
  result: Promise<V>;
  controller: AbortController;
  listeners: Set<OnProgress>;
}

export function createSharedWork<V>(): SharedWork<V> {
  const pieces = new Map<string, Piece<V>>();

  const begin = (key: string, start: Start<V>): Piece<V> => {
    const controller = new AbortController();
    const listeners = new Set<OnProgress>();
    const tell: OnProgress = progress => {
      for (const listener of listeners) listener(progress);
    };
    const result = start(tell, controller.signal).finally(() => pieces.delete(key));
    result.catch(() => undefined);
    const piece = { result, controller, listeners };
    pieces.set(key, piece);
    return piece;
  };

  return {
    async join(key, onProgress, signal, start) {
      let piece = pieces.get(key);
      // Given up but not ended yet: it still holds the partial file.
      while (piece?.controller.signal.aborted) {
        await piece.result.catch(() => undefined);
        piece = pieces.get(key);
      }
      if (signal.aborted) throw cancelled();
      const joined = piece ?? begin(key, start);
      const listener: OnProgress = progress => onProgress(progress);
      joined.listeners.add(listener);
      const left = Promise.withResolvers<never>();
      const leave = () => left.reject(cancelled());
      signal.addEventListener("abort", leave, { once: true });
      try {
        return await Promise.race([joined.result, left.promise]);
      } finally {
        signal.removeEventListener("abort", leave);
        joined.listeners.delete(listener);
        if (joined.listeners.size === 0) joined.controller.abort();
      }
    },
  };
}
