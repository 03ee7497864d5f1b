/** kollama list: the models of a place. */
import type { Streams, Verb } from "../command.ts";
import { type Column, renderBytes, renderDuration, renderTable, show } from "../output.ts";
import type { PlacedModel } from "../place.ts";

export const list: Verb = {
  name: "list",
  aliases: ["ls", "ps"],
  summary: "List models with their states.",
  usage: "",
  async run({ streams, format, now, place: open }) {
    const place = await open();
    const models = await place.models();
    if (models.length === 0 && format === "human")
      streams.tell(`There are no models in ${place.title}; \`kollama deploy\` makes one.\n`);
    else
      show(streams, format, models, {
        human: rows => renderModels(streams, rows, now()),
        names: rows => rows.map(model => model.name),
      });
  },
};

function renderModels(streams: Streams, models: readonly PlacedModel[], nowMs: number): string {
  const columns: Column<PlacedModel>[] = [
    { title: "NAME", cell: model => model.name },
    {
      title: "PHASE",
      cell: model => model.phase,
      colour: model => (model.isReady ? "green" : model.isStalled ? "red" : "yellow"),
    },
    { title: "READY", cell: ({ replicas }) => `${replicas.ready}/${replicas.wanted}` },
    { title: "CONTEXT", cell: model => String(model.contextTokens ?? "-") },
    { title: "MEMORY", cell: model => renderBytes(model.memoryBytes) },
    {
      title: "AGE",
      cell: ({ createdMs }) =>
        renderDuration(createdMs === undefined ? undefined : nowMs - createdMs),
    },
    { title: "SOURCE", cell: model => model.source },
  ];
  return renderTable(models, columns, streams);
}
