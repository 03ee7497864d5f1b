/** kollama logs: what a model's pods say. */
import type { Verb } from "../command.ts";
import { oneName } from "../words.ts";

export const logs: Verb = {
  name: "logs",
  summary: "Show what a model's workers say.",
  usage: "NAME [-f]",
  options: {
    follow: { type: "boolean", short: "f", help: "go on as lines come" },
    tail: { type: "string", value: "N", help: "last lines only (100)" },
    previous: { type: "boolean", short: "p", help: "of the container before the last restart" },
  },
  completes: ["model"],
  async run({ words, options, streams, signal, place }) {
    const name = oneName(words);
    const wanted = {
      follow: options.follow === true,
      tail: Number(options.tail ?? 100),
      previous: options.previous === true,
    };
    for await (const line of (await place()).logs(name, wanted, signal)) streams.out(`${line}\n`);
  },
};
