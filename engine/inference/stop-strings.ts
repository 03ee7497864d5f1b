/** Stop strings: ends text before the first of them, and holds back what might become one. */

export interface StopFilter {
  /** The part of `text` that may be shown, and whether a stop string came. */
  push(text: string): { text: string; stopped: boolean };
  /** What was held back, when nothing more will come. */
  flush(): string;
}

export function createStopFilter(stops: readonly string[]): StopFilter {
  const wanted = stops.filter(stop => stop.length > 0);
  let held = "";
  return {
    push(text) {
      if (wanted.length === 0) return { text, stopped: false };
      const all = held + text;
      const cut = firstIndexOf(all, wanted);
      if (cut >= 0) {
        held = "";
        return { text: all.slice(0, cut), stopped: true };
      }
      const keep = all.length - longestOpenEnd(all, wanted);
      held = all.slice(keep);
      return { text: all.slice(0, keep), stopped: false };
    },
    flush() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

function firstIndexOf(text: string, stops: readonly string[]): number {
  const found = stops.map(stop => text.indexOf(stop)).filter(index => index >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

/** How many characters at the end of `text` begin one of `marks` without completing it. */
export function longestOpenEnd(text: string, marks: readonly string[]): number {
  let longest = 0;
  for (const mark of marks)
    for (let length = Math.min(mark.length - 1, text.length); length > longest; length--)
      if (text.endsWith(mark.slice(0, length))) longest = length;
  return longest;
}
