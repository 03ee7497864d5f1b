/** kollama undeploy: takes a model away. */
import { EngineError } from "../../contract/errors.ts";
import type { Verb } from "../command.ts";

export const undeploy: Verb = {
  name: "undeploy",
  aliases: ["delete", "rm"],
  summary: "Take models away; their memory stays.",
  usage: "NAME... [--yes]",
  options: { yes: { type: "boolean", short: "y", help: "do not ask" } },
  completes: ["model"],
  async run({ words, options, streams, signal, place: open }) {
    if (words.length === 0)
      throw new EngineError("invalid_request", "Which model?", {
        remedy: "Write kollama undeploy NAME.",
      });
    const place = await open();
    if (options.yes !== true && streams.interactive) {
      const answer = await streams.ask(
        `Take ${words.join(", ")} from ${place.title}? [y/N] `,
        signal,
      );
      if (answer?.trim().toLowerCase() !== "y")
        throw new EngineError("cancelled", "Nothing was taken away.");
    }
    for (const name of words) {
      await place.undeploy(name);
      streams.out(`${name} is taken away\n`);
    }
    const next = place.followUp();
    if (next !== undefined) streams.tell(`${next}\n`);
  },
};
