/** A reply that was cut goes on elsewhere: nothing is said twice and nothing is left out, wherever the cut is. */
import { expect } from "vitest";
import type { BegunReply, GenerateItem, GenerateRequest } from "../../engine/contract/chat.ts";
import type { Backend } from "../../engine/inference/backend.ts";
import { addItem, nothingBegun } from "../../engine/inference/begun-reply.ts";

export interface ContinuationCase {
  name: string;
  request: GenerateRequest;
  /** Whether the request leaves the model no choice, so that the whole is the uncut reply whatever the model is. */
  isForced: boolean;
}

/** Texts, thoughts and calls, each as one. */
export interface Said {
  text: string;
  thought: string;
  calls: unknown[];
}

export function toSaid(items: readonly GenerateItem[]): Said {
  const join = (type: "text" | "thought") =>
    items.map(item => (item.type === type ? item.text : "")).join("");
  const calls = items.flatMap(item =>
    item.type === "toolCall" ? [{ name: item.call.name, arguments: item.call.arguments }] : [],
  );
  return { text: join("text"), thought: join("thought"), calls };
}

/** How far a reply is after these items. */
export function toBegun(items: readonly GenerateItem[]): BegunReply {
  return items.reduce<BegunReply>((begun, item) => {
    const next = item.type === "done" ? begun : addItem(begun, item);
    if (next === undefined) throw new Error(`an item without its origin: ${JSON.stringify(item)}`);
    return next;
  }, nothingBegun);
}

export interface CutReport {
  cuts: number;
  /** How often the whole was the uncut reply. */
  equal: number;
}

/** Cuts the reply after every item, and before the first, and goes on with each beginning on `second`. */
export async function cutEverywhere(
  first: Backend,
  second: Backend,
  { name, request, isForced }: ContinuationCase,
  isExact: boolean,
): Promise<CutReport> {
  const uncut = await collectAll(first, { ...request, cacheScope: `${name}-uncut` });
  const whole = toSaid(uncut);
  let equal = 0;
  for (let cut = 0; cut < uncut.length; cut++) {
    const head = uncut.slice(0, cut);
    const already = toBegun(head);
    const goOn = (backend: Backend, scope: string) =>
      collectAll(backend, { ...request, already, cacheScope: `${name}-${cut}-${scope}` });
    const tail = await goOn(second, "there");
    const joined = toSaid([...head, ...tail]);
    const isEqual = JSON.stringify(joined) === JSON.stringify(whole);
    if (isEqual) equal += 1;
    if (isExact || isForced) expect(joined, `${name}, cut after ${cut} items`).toEqual(whole);
    // What a model says after a prefix depends on the prefix alone, not on who said it.
    else expect(joined).toEqual(toSaid([...head, ...(await goOn(first, "here"))]));
    expectHonest(uncut, already, tail);
  }
  return { cuts: uncut.length, equal };
}

/** The figures are those of the whole reply, and a continuation can be cut and gone on with as well. */
function expectHonest(uncut: GenerateItem[], already: BegunReply, tail: GenerateItem[]): void {
  const done = tail.at(-1);
  const before = uncut.at(-1);
  if (done?.type !== "done" || before?.type !== "done") throw new Error("ended without done");
  expect(done.usage.completionTokens).toBeGreaterThanOrEqual(already.tokens);
  expect(done.usage.promptTokens).toBe(before.usage.promptTokens);
  for (const item of tail) if (item.type !== "done") expect(item.raw).toBeTypeOf("string");
}

async function collectAll(backend: Backend, request: GenerateRequest): Promise<GenerateItem[]> {
  const items: GenerateItem[] = [];
  for await (const item of backend.generate(request, new AbortController().signal))
    items.push(item);
  return items;
}
