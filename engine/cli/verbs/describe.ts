/** kollama describe: all that is known of one model. */
import { stringify } from "yaml";
import type { Verb } from "../command.ts";
import { renderBytes, show } from "../output.ts";
import type { ModelDetail } from "../place.ts";
import { oneName } from "../words.ts";

export const describe: Verb = {
  name: "describe",
  aliases: ["show"],
  summary: "Show all that is known of one model.",
  usage: "NAME",
  completes: ["model"],
  async run({ words, streams, format, place }) {
    const detail = await (await place()).model(oneName(words));
    show(streams, format, detail, { human: renderDetail, names: model => [model.name] });
  },
};

function renderDetail(model: ModelDetail): string {
  const head: [string, string][] = [
    ["name", model.name],
    ["phase", model.phase],
    ["replicas", `${model.replicas.ready} of ${model.replicas.wanted} ready`],
    ["context", String(model.contextTokens ?? "-")],
    ["memory", renderBytes(model.memoryBytes)],
    ...(model.message === undefined ? [] : [["message", model.message] as [string, string]]),
  ];
  const sections = [{ title: "Model", rows: head }, ...model.sections];
  const spec = `Spec\n${indent(stringify(model.spec))}`;
  return `${sections.map(renderSection).join("\n")}\n${spec}`;
}

function renderSection({ title, rows }: ModelDetail["sections"][number]): string {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return `${title}\n${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("")}`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}
