/** The bundled model answers the held-out questions through the real backend, greedily, about as well as its card says. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type {
  GenerateItem,
  GenerateRequest,
  JsonSchema,
  Message,
  ToolCall,
  ToolDefinition,
} from "../../engine/contract/chat.ts";
import type {
  EvaluationAnswer,
  EvaluationCase,
  EvaluationMessage,
} from "./echo-tiny-evaluation.ts";
import { evaluationCases } from "./echo-tiny-evaluation.ts";
import { bundledModel, type OpenedModel, openModel } from "./llama-support.ts";

/** Other than the seed of the card's figures, so that neither is fitted to the other. */
const seed = 20_261_121;
const casesOfEach = 6;
const slots = 4;

function toMessage(message: EvaluationMessage, place: number): Message {
  const { role, content, toolCalls } = message;
  if (role !== "assistant" || toolCalls === undefined) return { role, content };
  const calls = toolCalls.map((call, nth) => ({ ...call, id: `call_${place}_${nth}` }));
  return { role, content, toolCalls: calls as ToolCall[] };
}

function toRequest(one: EvaluationCase, at: number): GenerateRequest {
  const tools = one.tools as ToolDefinition[] | undefined;
  const schema = one.responseSchema as JsonSchema | undefined;
  return {
    input: { kind: "messages", messages: one.messages.map(toMessage), ...(tools && { tools }) },
    ...(schema && { format: { type: "schema", schema } }),
    sampling: { temperature: 0 },
    maxTokens: 120,
    cacheScope: `case-${at}`,
  };
}

async function collect(items: AsyncIterable<GenerateItem>): Promise<EvaluationAnswer> {
  const answer: EvaluationAnswer = { text: "", toolCalls: [] };
  for await (const item of items) {
    if (item.type === "text") answer.text += item.text;
    if (item.type === "toolCall")
      answer.toolCalls.push({ name: item.call.name, arguments: item.call.arguments });
  }
  return answer;
}

class Score {
  right = 0;
  asked = 0;

  add(isRight: boolean): void {
    this.asked += 1;
    if (isRight) this.right += 1;
  }

  get share(): number {
    return this.right / this.asked;
  }
}

function scoreOf(scores: Map<string, Score>, name: string): Score {
  const score = scores.get(name) ?? new Score();
  scores.set(name, score);
  return score;
}

describe("echo-tiny", () => {
  let opened: OpenedModel;
  beforeAll(async () => {
    opened = await openModel(bundledModel, { context: 2048, slots });
  });
  afterAll(async () => opened?.backend.close());

  it("answers held-out questions about values it never saw", async () => {
    const scores = new Map<string, Score>();
    const cases = evaluationCases(seed, casesOfEach);
    const waiting = cases.entries();
    const work = async (): Promise<void> => {
      for (const [at, one] of waiting) {
        const never = new AbortController().signal;
        const right = one.check(await collect(opened.backend.generate(toRequest(one, at), never)));
        scoreOf(scores, `${one.intent} (${one.phrasing})`).add(right);
        scoreOf(scores, "all").add(right);
        scoreOf(scores, `all (${one.phrasing})`).add(right);
      }
    };
    await Promise.all(Array.from({ length: slots }, work));
    console.table(
      Object.fromEntries([...scores].map(([name, { right, asked }]) => [name, { right, asked }])),
    );
    // This sample measures 0.93 over all, 0.98 for familiar and 0.88 for fresh wordings (0.91, 0.95 and 0.87 in its card).
    // The floors lie a few answers lower, for near-ties fall either way when requests are decoded together.
    expect(scoreOf(scores, "all").share).toBeGreaterThanOrEqual(0.9);
    expect(scoreOf(scores, "all (familiar)").share).toBeGreaterThanOrEqual(0.93);
    expect(scoreOf(scores, "all (fresh)").share).toBeGreaterThanOrEqual(0.84);
  });
});
