/** kollama doctor: why a model is stuck, from what its place can tell. */
import type { Streams, Verb } from "../command.ts";
import { diagnose, type Finding } from "../diagnosis.ts";
import { exits } from "../exits.ts";
import { cut, paint, show, wrap } from "../output.ts";

export const doctor: Verb = {
  name: "doctor",
  summary: "Explain what keeps a model, or everything, from working.",
  usage: "[NAME]",
  completes: ["model"],
  async run({ words, streams, format, place: open }) {
    const place = await open();
    const about =
      words.length > 0 ? words : [undefined, ...(await place.models()).map(model => model.name)];
    const findings: Finding[] = [];
    for (const name of about) findings.push(...diagnose(name, await place.evidence(name)));
    const unique = [
      ...new Map(findings.map(finding => [JSON.stringify(finding), finding])).values(),
    ];
    show(streams, format, unique, {
      human: rows =>
        rows.length === 0
          ? `${paint(streams, "green", "Nothing is wrong")} in ${place.title}.\n`
          : rows.map(finding => renderFinding(streams, finding)).join("\n"),
      names: rows => rows.map(({ about: subject }) => subject),
    });
    return unique.length === 0 ? exits.ok.code : exits.unhealthy.code;
  },
};

/** What was seen is cut on a terminal; --output json has all of it. */
function renderFinding(streams: Streams, { about, what, remedy, evidence }: Finding): string {
  const head = wrap(streams, `${about}: ${what}`).slice(about.length);
  const seen = evidence.map(line => `${cut(streams, `    ${line}`)}\n`).join("");
  return [
    `${paint(streams, "red", about)}${head}\n`,
    `${wrap(streams, `  Do: ${remedy}`, "      ")}\n`,
    seen === "" ? "" : `  Seen:\n${seen}`,
  ].join("");
}
