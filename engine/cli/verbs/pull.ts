/** kollama pull: has an engine fetch a model from its source. */
import { EngineError } from "../../contract/errors.ts";
import type { Verb } from "../command.ts";
import { createStatusLine, renderProgress } from "../output.ts";
import { oneName } from "../words.ts";

interface PullLine {
  status: string;
  total?: number;
  completed?: number;
}

export const pull: Verb = {
  name: "pull",
  summary: "Have an engine fetch a model from its source.",
  usage: "SOURCE",
  help: "Only for an engine: on a cluster or in a stack a model is declared, and its pods fetch it (`kollama deploy`).",
  async run({ words, streams, signal, place: open }) {
    const source = oneName(words, "source");
    const place = await open();
    if (place.kind !== "engine")
      throw new EngineError("unsupported", `In ${place.title} nothing is pulled by hand.`, {
        remedy: `Declare it: kollama deploy NAME ${source}.`,
      });
    const client = await place.engine();
    const line = createStatusLine(streams);
    const changes = client.lines<PullLine>("POST", "/api/pull", { model: source }, signal);
    for await (const { status, total, completed } of changes)
      line.show(
        completed === undefined ? status : `${status}  ${renderProgress(completed, total)}`,
      );
    line.end();
  },
};
