/** kollama scale: how many replicas a model has, or between how many it moves. */
import { EngineError } from "../../contract/errors.ts";
import type { Verb } from "../command.ts";
import { parseReplicas } from "../model-options.ts";

export const scale: Verb = {
  name: "scale",
  summary: "Set a model's replicas, or the range that it is scaled in.",
  usage: "NAME N|MIN..MAX",
  completes: ["model"],
  async run({ words, streams, place: open }) {
    const [name, count] = words;
    if (name === undefined || count === undefined || words.length > 2)
      throw new EngineError("invalid_request", "A model and a number are wanted.", {
        remedy: "Write kollama scale NAME 3, or kollama scale NAME 0..4.",
      });
    const replicas = parseReplicas(count);
    const place = await open();
    await place.scale(name, replicas);
    const { min, max } = replicas;
    streams.out(`${name} has ${min === max ? min : `${min} to ${max}`} replicas\n`);
    const next = place.followUp();
    if (next !== undefined) streams.tell(`${next}\n`);
  },
};
