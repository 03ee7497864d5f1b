/** Clients that ask without a pause while something is done to whoever answers; every stream has to end whole. */
import type OpenAI from "openai";

export interface TrafficOptions {
  client: OpenAI;
  model: string;
  /** Streams at the same time. */
  streams: number;
}

export interface Traffic {
  finished(): number;
  stop(): Promise<{ finished: number; failures: string[] }>;
}

const questions = [
  "Hello, who are you?",
  "My name is Zelmira. What is my name?",
  "Which port does the Ollama API use?",
  "I live in Torvik. Where do I live?",
] as const;

/** The answers are greedy, so that one question has one answer: a stream that is cut or doubled differs from it. */
export function startTraffic({ client, model, streams }: TrafficOptions): Traffic {
  const answers = new Map<string, string>();
  const failures: string[] = [];
  let finished = 0;
  let stopping = false;

  const askOnce = async (content: string): Promise<void> => {
    const messages = [{ role: "user" as const, content }];
    const stream = await client.chat.completions.create({
      model,
      messages,
      stream: true,
      temperature: 0,
    });
    let text = "";
    let ended: string | null | undefined;
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? "";
      ended = choices[0]?.finish_reason ?? ended;
    }
    if (ended !== "stop") throw new Error(`it ended with ${ended} after ${JSON.stringify(text)}`);
    const known = answers.get(content) ?? text;
    answers.set(content, known);
    if (known !== text) throw new Error(`${JSON.stringify(text)} and not ${JSON.stringify(known)}`);
  };

  const ask = async (from: number): Promise<void> => {
    for (let at = from; !stopping; at += 1) {
      const content = questions[at % questions.length] ?? questions[0];
      try {
        await askOnce(content);
        finished += 1;
      } catch (error) {
        failures.push(`${content} ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };

  const running = Array.from({ length: streams }, (_, at) => ask(at));
  return {
    finished: () => finished,
    async stop() {
      stopping = true;
      await Promise.all(running);
      return { finished, failures };
    },
  };
}
