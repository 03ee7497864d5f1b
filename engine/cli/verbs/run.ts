/** kollama run: asks a model, once or in a conversation. */

import { EngineError } from "../../contract/errors.ts";
import type { Invocation, Verb } from "../command.ts";
import type { EngineClient } from "../engine-client.ts";

interface ChatLine {
  message?: { content?: string };
  done?: boolean;
  /** A gateway that waits for a worker says so. */
  status?: string;
}

type Said = { role: "user" | "assistant"; content: string };

export const run: Verb = {
  name: "run",
  aliases: ["chat"],
  summary: "Ask a model; without a prompt, talk with it.",
  usage: "NAME [PROMPT]",
  help: [
    "The prompt may also come on standard input:  git diff | kollama run assistant",
    "In a conversation /bye or Ctrl-D ends it.",
  ].join("\n"),
  completes: ["model"],
  async run(invocation) {
    const [model, ...prompt] = invocation.words;
    if (model === undefined)
      throw new EngineError("invalid_request", "Which model?", {
        remedy: "Write kollama run NAME, and a prompt if you like.",
      });
    const client = await (await invocation.place()).engine();
    const given = prompt.length > 0 ? prompt.join(" ") : await invocation.streams.input();
    if (given === undefined) return await talk(invocation, client, model);
    const messages: Said[] = [{ role: "user", content: given }];
    if (invocation.format === "human") {
      await answer(invocation, client, model, messages);
      return;
    }
    const reply = await client.json("POST", "/api/chat", { model, messages, stream: false });
    invocation.streams.out(`${JSON.stringify(reply, undefined, 2)}\n`);
    return;
  },
};

async function talk(invocation: Invocation, client: EngineClient, model: string): Promise<void> {
  const messages: Said[] = [];
  for (;;) {
    const content = await invocation.streams.ask(">>> ", invocation.signal);
    if (content === undefined || content.trim() === "/bye") return;
    if (content.trim() === "") continue;
    messages.push({ role: "user", content });
    messages.push({
      role: "assistant",
      content: await answer(invocation, client, model, messages),
    });
  }
}

async function answer(
  { streams, signal }: Invocation,
  client: EngineClient,
  model: string,
  messages: readonly Said[],
): Promise<string> {
  let text = "";
  for await (const line of client.lines<ChatLine>(
    "POST",
    "/api/chat",
    { model, messages },
    signal,
  )) {
    const piece = line.message?.content ?? "";
    text += piece;
    streams.out(piece);
  }
  streams.out("\n");
  return text;
}
