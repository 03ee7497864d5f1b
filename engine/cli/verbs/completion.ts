/** kollama completion: scripts for shells, written from the verbs' own descriptions. */
import { EngineError } from "../../contract/errors.ts";
import type { Verb } from "../command.ts";
import { commonOptions } from "../command.ts";

const shells = ["bash", "zsh", "fish"] as const;

export const completion: Verb = {
  name: "completion",
  summary: "Print a script that completes kollama in a shell.",
  usage: "bash|zsh|fish",
  help: "  source <(kollama completion bash)",
  completes: [shells],
  async run({ words, streams }) {
    const { verbs } = await import("../verbs.ts");
    const [shell] = words;
    if (shell === "bash") streams.out(renderBash(verbs));
    else if (shell === "zsh")
      streams.out(`autoload -U +X bashcompinit && bashcompinit\n${renderBash(verbs)}`);
    else if (shell === "fish") streams.out(renderFish(verbs));
    else
      throw new EngineError("invalid_request", "For which shell?", {
        remedy: `Write one of ${shells.join(", ")}.`,
      });
  },
};

function renderBash(verbs: readonly Verb[]): string {
  const cases = verbs.map(verb => {
    const options = [...Object.keys(verb.options ?? {}), ...Object.keys(commonOptions)];
    const words = (verb.completes ?? []).map(entry =>
      entry === "model" ? "$(kollama list -o name 2>/dev/null)" : entry.join(" "),
    );
    const names = [verb.name, ...(verb.aliases ?? [])].join("|");
    return `    ${names}) words="${[...words, ...options.map(name => `--${name}`)].join(" ")}" ;;`;
  });
  return [
    "_kollama() {",
    '  local current="$' + '{COMP_WORDS[COMP_CWORD]}" words=""',
    '  case "$' + '{COMP_WORDS[1]}" in',
    ...cases,
    "  esac",
    `  if [ "$COMP_CWORD" -eq 1 ]; then words="${verbs.map(verb => verb.name).join(" ")} help version"; fi`,
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    "}",
    "complete -F _kollama kollama",
    "",
  ].join("\n");
}

function renderFish(verbs: readonly Verb[]): string {
  const none = "__fish_use_subcommand";
  const lines = verbs.flatMap(verb => [
    `complete -c kollama -f -n ${none} -a ${verb.name} -d '${verb.summary.replaceAll("'", "")}'`,
    ...(verb.completes ?? []).map(
      entry =>
        `complete -c kollama -f -n '__fish_seen_subcommand_from ${verb.name}' -a '${entry === "model" ? "(kollama list -o name 2>/dev/null)" : entry.join(" ")}'`,
    ),
    ...Object.keys({ ...verb.options, ...commonOptions }).map(
      name => `complete -c kollama -n '__fish_seen_subcommand_from ${verb.name}' -l ${name}`,
    ),
  ]);
  return `${lines.join("\n")}\n`;
}
