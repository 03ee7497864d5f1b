/** What a text does: tells, asks, or says that it does not know. */
import type { EventRole } from "../contract/memory.ts";
import type { Speech } from "../stores/store.ts";

const asks =
  /^(?:and |so |but |now |then |ok(?:ay)? |please |hi |hello |hey )*(?:what|whats|who|whos|whom|whose|where|wheres|when|why|how|which|do|does|did|can|could|will|would|should|is|are|am|was|were|have|has|may|might|tell me|remind me|say|name|guess|give me|show me|repeat|recall)\b/;

const knowsNot =
  /\b(?:(?:do not|don't|dont|did not|didn't|cannot|can't) (?:yet )?(?:know|remember|recall|have (?:that|this|any|your|access))|not sure|no idea|no (?:information|memory|record)|(?:have not|haven't|has not|hasn't|never|not) (?:been )?(?:told|mentioned|shared|said)|unknown to me)\b/;

/**
 * A question matches the next asking of itself better than any answer does, but holds none; recall gives it less weight,
 * and none to an assistant who did not know. A text that tells anything is a statement, even if it asks as well.
 */
export function toSpeech(role: EventRole, text: string): Speech {
  if (role === "tool") return "statement";
  const sentences = text.match(/[^.!?。！？؟;\n]+[.!?。！？؟;\n]*/g)?.filter(isWorded) ?? [];
  if (role === "assistant" && sentences.length <= 3 && knowsNot.test(toPlain(text)))
    return "ignorance";
  return sentences.length > 0 && sentences.every(isQuestion) ? "question" : "statement";
}

/** Greetings neither tell nor ask: "Hello! What is my name?" is a question. */
function isWorded(sentence: string): boolean {
  return (
    /[\p{L}\p{N}]/u.test(sentence) &&
    !/^\W*(?:hi|hello|hey|ok|okay|thanks|please)\W*$/i.test(sentence)
  );
}

function isQuestion(sentence: string): boolean {
  return /[?？؟]\s*$/.test(sentence) || asks.test(toPlain(sentence));
}

function toPlain(text: string): string {
  return text.toLowerCase().replaceAll("’", "'").trim();
}
