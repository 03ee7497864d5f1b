/** What recall needs of an event, derived from its text when it is written. */
import type { NewEvent } from "../stores/store.ts";
import { toSpeech } from "./speech.ts";
import { toTerms } from "./tokens.ts";

/** The event with its derived fields; the same text always gives the same ones, so that they can be rebuilt. */
export function withIndex(event: Omit<NewEvent, "terms" | "speech">): NewEvent {
  return { ...event, terms: toTerms(event.text), speech: toSpeech(event.role, event.text) };
}
