/** What a model's server may send: a reply of another shape is refused before anybody goes by it. Pure. */

type Check = (value: unknown) => boolean;

const absent: Check = value => value === undefined || value === null;
const text: Check = value => typeof value === "string";
const count: Check = value => typeof value === "number" && Number.isFinite(value) && value >= 0;
const maybe =
  (check: Check): Check =>
  value =>
    absent(value) || check(value);
/** Ours leave out what they do not say. */
const unsaid =
  (check: Check): Check =>
  value =>
    value === undefined || check(value);
const list =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.every(check);
/** Fields that are not named are nobody's business. */
const record =
  (fields: Record<string, Check>): Check =>
  value =>
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(fields).every(([name, check]) =>
      check((value as Record<string, unknown>)[name]),
    );

const callPart = record({
  index: maybe(count),
  id: maybe(text),
  function: maybe(record({ name: maybe(text), arguments: maybe(text) })),
});
const choice = record({
  text: maybe(text),
  delta: maybe(
    record({
      content: maybe(text),
      reasoning_content: maybe(text),
      tool_calls: maybe(list(callPart)),
    }),
  ),
  finish_reason: maybe(text),
});
const echo = record({
  raw: unsaid(text),
  tokens: unsaid(count),
  thought: unsaid(text),
  cachedTokens: maybe(count),
  timings: maybe(record({ queueMs: count, promptMs: count, decodeMs: count })),
  load: maybe(record({ busySlots: count, waiting: count })),
});

export const isChunk = record({
  choices: maybe(list(choice)),
  usage: maybe(
    record({
      prompt_tokens: maybe(count),
      completion_tokens: maybe(count),
      prompt_tokens_details: maybe(record({ cached_tokens: maybe(count) })),
    }),
  ),
  echo: unsaid(echo),
});

export const isWorkerModels = record({
  models: list(record({ name: text, aliases: list(text), state: text })),
});

export const isServerModels = record({
  data: maybe(
    list(record({ id: text, max_model_len: maybe(value => count(value) && value !== 0) })),
  ),
});

export const isEmbeddings = record({
  data: list(
    record({
      index: count,
      embedding: value => text(value) || list(v => typeof v === "number")(value),
    }),
  ),
  usage: maybe(record({ prompt_tokens: maybe(count) })),
});

export const isCount = record({ tokens: count });
