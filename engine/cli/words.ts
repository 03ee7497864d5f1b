/** Positional words of a command line, checked. */
import { EngineError } from "../contract/errors.ts";

export function oneName(words: readonly string[], what = "model"): string {
  const [name, ...rest] = words;
  if (name !== undefined && rest.length === 0) return name;
  const message = name === undefined ? `Which ${what}?` : `One ${what} at a time.`;
  throw new EngineError("invalid_request", message, {
    remedy: `Write its name: ${what}s are shown by their lists.`,
  });
}
