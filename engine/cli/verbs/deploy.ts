/** kollama deploy: declares a model and waits until it answers. */
import type { Invocation, Verb } from "../command.ts";
import { modelOptions, readSpec } from "../model-options.ts";
import { show } from "../output.ts";
import { untilReady } from "../waiting.ts";

export const deploy: Verb = {
  name: "deploy",
  aliases: ["apply"],
  summary: "Declare a model, and wait until it answers.",
  usage: "NAME [SOURCE] [options]",
  help: [
    "  kollama deploy assistant bundled:echo-tiny",
    "  kollama deploy qwen hf:Qwen/Qwen2.5-0.5B-Instruct-GGUF/qwen2.5-0.5b-instruct-q4_k_m.gguf --replicas 0..3",
    "  kollama deploy -f model.yaml --set sampling.temperature=0",
    "",
    "The same command again changes nothing; another spec of the same name changes the model.",
  ].join("\n"),
  options: { ...modelOptions, "no-wait": { type: "boolean", help: "return once it is declared" } },
  completes: ["model"],
  async run(invocation) {
    const spec = readSpec(invocation.words, invocation.options, await readGiven(invocation));
    const place = await invocation.place();
    await place.deploy(spec);
    const next = place.followUp();
    if (next !== undefined) {
      invocation.streams.tell(`${spec.name} is declared in ${place.title}. ${next}\n`);
      return;
    }
    if (invocation.options["no-wait"] === true) {
      invocation.streams.tell(`${spec.name} is declared in ${place.title}.\n`);
      return;
    }
    const model = await untilReady(invocation, place, spec.name);
    show(invocation.streams, invocation.format, model, {
      human: () =>
        `${spec.name} is ready. Ask it: kollama run ${spec.name} "Hello, who are you?"\n`,
      names: () => [spec.name],
    });
  },
};

async function readGiven({ options, streams, readFile }: Invocation): Promise<string | undefined> {
  if (typeof options.file !== "string") return undefined;
  return options.file === "-" ? await streams.input() : await readFile(options.file);
}
