/** The help of kollama, written from the same descriptions that the options are read by. */
import { commonOptions, type DescribedOption, type Verb } from "./command.ts";
import { exits } from "./exits.ts";

export function renderGeneralHelp(verbs: readonly Verb[]): string {
  const width = Math.max(...verbs.map(verb => verb.name.length));
  const lines = verbs.map(verb => `  ${verb.name.padEnd(width)}  ${verb.summary}`);
  return [
    "kollama: models on a cluster, in a stack or in one engine.",
    "",
    "Usage: kollama VERB [options]",
    "",
    ...lines,
    "",
    "Where: --url or KOLLAMA_URL names an engine, --stack a stack of this checkout; otherwise a kubeconfig",
    "(--kubeconfig, KUBECONFIG or ~/.kube/config) when there is one, else the engine of this machine.",
    "",
    "Exit codes:",
    ...Object.values(exits).map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`),
    "",
    "`kollama VERB --help` says more.",
    "",
  ].join("\n");
}

export function renderVerbHelp(verb: Verb): string {
  const own = renderOptions(verb.options ?? {});
  return [
    `${verb.summary}`,
    "",
    `Usage: kollama ${verb.name} ${verb.usage}`.trimEnd(),
    ...(verb.aliases === undefined ? [] : [`Also: ${verb.aliases.join(", ")}`]),
    "",
    ...(verb.help === undefined ? [] : [verb.help, ""]),
    ...(own.length === 0 ? [] : ["Options:", ...own, ""]),
    "Everywhere:",
    ...renderOptions(commonOptions),
    "",
  ].join("\n");
}

function renderOptions(options: Readonly<Record<string, DescribedOption>>): string[] {
  const rows = Object.entries(options).map(([name, option]) => ({
    left: `${option.short === undefined ? "    " : `-${option.short}, `}--${name}${option.value === undefined ? "" : ` ${option.value}`}`,
    right: option.help,
  }));
  const width = Math.max(0, ...rows.map(row => row.left.length));
  return rows.map(row => `  ${row.left.padEnd(width)}  ${row.right}`);
}
