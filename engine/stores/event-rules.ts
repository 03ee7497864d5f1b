/** What every store refuses before it writes, so that two implementations cannot differ in it. */
import { TenantName } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { NewEvent, Scope, StoredEvent } from "./store.ts";

/** @throws EngineError invalid_request */
export function checkScope(scope: Scope): void {
  if (!TenantName.safeParse(scope.tenant).success)
    throw new EngineError("invalid_request", `"${scope.tenant}" is no tenant: it is a DNS label.`);
  checkName("subject", scope.subject, limits.subjectCharactersMax);
}

/** @throws EngineError invalid_request */
export function checkConversationId(id: string): void {
  checkName("conversation", id, limits.conversationIdCharactersMax);
}

/** @throws EngineError invalid_request, body_too_large */
export function checkEvent(event: NewEvent): void {
  checkConversationId(event.conversation);
  const bytes = Buffer.byteLength(event.text);
  if (bytes <= limits.eventTextBytesMax) return;
  throw new EngineError(
    "body_too_large",
    `A text of ${bytes} bytes is too long to be remembered: ${limits.eventTextBytesMax} at most.`,
    { remedy: "Send a shorter text, or send it with X-Echo-Memory: off." },
  );
}

function checkName(field: string, value: string, charactersMax: number): void {
  const controls = /\p{Cc}/u.test(value);
  if (value.length > 0 && value.length <= charactersMax && value.isWellFormed() && !controls)
    return;
  const message = `A ${field} has 1 to ${charactersMax} characters, none of them a control character.`;
  throw new EngineError("invalid_request", message, { field });
}

/** Terms in an event, repeats counted. */
export function toLength(terms: ReadonlyMap<string, number>): number {
  let length = 0;
  for (const frequency of terms.values()) length += frequency;
  return length;
}

/** The event as it is kept: whole milliseconds, and no half characters, which no file could hold. */
export function toStoredEvent(
  event: NewEvent,
  given: { id: string; sequence: number; ingestedMs: number },
): StoredEvent {
  const { terms: _terms, speech: _speech, ...kept } = event;
  return {
    ...kept,
    ...given,
    text: event.text.toWellFormed(),
    timeMs: Math.round(event.timeMs),
    ingestedMs: Math.round(given.ingestedMs),
  };
}
