/** kollama memory: what is remembered of conversations, and its erasure. */
import { paths } from "../../contract/endpoints.ts";
import { EngineError } from "../../contract/errors.ts";
import type { Invocation, Verb } from "../command.ts";
import type { EngineClient } from "../engine-client.ts";
import { renderTable, show } from "../output.ts";

interface ConversationRow {
  id: string;
  created: string;
  updated: string;
  events: number;
}

interface ConversationDetail extends ConversationRow {
  turns: { role: string; content: string; time: string }[];
}

export const memory: Verb = {
  name: "memory",
  summary: "List, show or erase remembered conversations.",
  usage: "list | show ID | forget ID",
  options: { yes: { type: "boolean", short: "y", help: "do not ask before erasing" } },
  completes: [["list", "show", "forget"]],
  async run(invocation) {
    const [what = "list", id] = invocation.words;
    const client = await (await invocation.place()).engine();
    if (what === "list") return await listAll(invocation, client);
    if (id === undefined || !["show", "forget"].includes(what))
      throw new EngineError("invalid_request", "What of the memory?", {
        remedy: "Write kollama memory list, show ID or forget ID.",
      });
    return what === "show"
      ? await showOne(invocation, client, id)
      : await forget(invocation, client, id);
  },
};

async function listAll({ streams, format }: Invocation, client: EngineClient): Promise<void> {
  const { data } = await client.json<{ data: ConversationRow[] }>("GET", paths.conversations);
  show(streams, format, data, {
    human: rows =>
      renderTable(rows, [
        { title: "CONVERSATION", cell: row => row.id },
        { title: "TEXTS", cell: row => String(row.events) },
        { title: "BEGUN", cell: row => row.created },
        { title: "LAST", cell: row => row.updated },
      ]),
    names: rows => rows.map(row => row.id),
  });
}

async function showOne(
  { streams, format }: Invocation,
  client: EngineClient,
  id: string,
): Promise<void> {
  const path = `${paths.conversations}/${encodeURIComponent(id)}`;
  const detail = await client.json<ConversationDetail>("GET", path);
  show(streams, format, detail, {
    human: ({ turns }) =>
      turns.map(({ role, content, time }) => `${time}  ${role}\n${content}\n\n`).join(""),
    names: ({ id: own }) => [own],
  });
}

async function forget(
  { streams, options, signal }: Invocation,
  client: EngineClient,
  id: string,
): Promise<void> {
  if (options.yes !== true && streams.interactive) {
    const answer = await streams.ask(
      `Erase conversation ${id}? This cannot be undone. [y/N] `,
      signal,
    );
    if (answer?.trim().toLowerCase() !== "y")
      throw new EngineError("cancelled", "Nothing was erased.");
  }
  const path = `${paths.conversations}/${encodeURIComponent(id)}`;
  const { events } = await client.json<{ events: number }>("DELETE", path);
  streams.out(`${id} is erased: ${events} texts\n`);
}
