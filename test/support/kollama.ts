/** kollama as its user runs it: a process of its own, by its exit code and what it wrote. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const entry = fileURLToPath(new URL("../../kollama.mjs", import.meta.url));

export interface Ended {
  code: number;
  /** Standard output. */
  out: string;
  /** Standard error. */
  told: string;
}

export interface KollamaOptions {
  environment: Readonly<Record<string, string>>;
  input?: string;
  /** Ctrl-C as soon as the output fits. */
  until?: RegExp;
}

export function runKollama(
  args: readonly string[],
  { environment, input, until }: KollamaOptions,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH, ...environment };
    const child = spawn(process.execPath, [entry, ...args], { env, stdio: "pipe" });
    const ended = { code: -1, out: "", told: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      ended.out += text;
      if (until?.test(ended.out)) child.kill("SIGINT");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      ended.told += text;
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input ?? "");
    child.once("error", reject);
    child.once("close", code => resolve({ ...ended, code: code ?? -1 }));
  });
}
