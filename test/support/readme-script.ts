/** The README as a program: its fenced blocks in order, with what each must print. */

export interface Step {
  /** Where the block begins in the README. */
  line: number;
  kind: "sh" | "js" | "yaml";
  text: string;
  /** The file that a yaml block is added to. */
  file: string | undefined;
  /** What stands in the `text` block behind it; `…` is anything. */
  expected: string | undefined;
}

const runnable = new Set(["sh", "js", "yaml"]);

/** Every block that a reader would run, in order. */
export function readSteps(markdown: string): Step[] {
  const steps: Step[] = [];
  for (const match of markdown.matchAll(/^```(\w+)(?: (\S+))?\n([\s\S]*?)^```$/gm)) {
    const [, kind = "", file, text = ""] = match;
    const line = markdown.slice(0, match.index).split("\n").length;
    const last = steps.at(-1);
    if (kind === "text" && last !== undefined) last.expected = text.trim();
    if (runnable.has(kind))
      steps.push({ line, kind: kind as Step["kind"], text, file, expected: undefined });
  }
  return steps;
}

/** Every step as one bash script that stops at the first failure and marks where each step's output begins. */
export function toScript(steps: readonly Step[], replace: (text: string) => string): string {
  const body = steps.map((step, index) =>
    [marker(index), replace(toCommand(step, index))].join("\n"),
  );
  return ["set -euo pipefail", ...body].join("\n");
}

function toCommand(step: Step, index: number): string {
  const here = `cat > tour-${index}.mjs <<'END_OF_BLOCK'\n${step.text}END_OF_BLOCK\nnode tour-${index}.mjs`;
  if (step.kind === "js") return here;
  if (step.kind === "yaml") return `cat >> ${step.file} <<'END_OF_BLOCK'\n${step.text}END_OF_BLOCK`;
  return step.text;
}

const marker = (index: number): string => `printf '\\n@@step %s@@\\n' ${index}`;

/** What each step printed, by its index. */
export function splitOutput(output: string): string[] {
  return output.split(/\n@@step \d+@@\n/).slice(1);
}

/** Whether `output` holds the pieces of `expected` in their order. */
export function holds(output: string, expected: string): boolean {
  let from = 0;
  for (const piece of expected.split("…").map(text => text.trim())) {
    const at = output.indexOf(piece, from);
    if (at < 0) return false;
    from = at + piece.length;
  }
  return true;
}
