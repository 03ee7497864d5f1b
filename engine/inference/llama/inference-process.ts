/** One inference process as the engine sees it: started, spoken to, ended; its death is told with a reason. */
import { type ChildProcess, fork } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { FromChild, ToChild } from "./protocol.ts";

export interface InferenceProcess {
  send(message: ToChild): void;
  kill(): void;
  /** Its process id, for logs and tests. */
  readonly pid: number | undefined;
  /** Resolves with what is known of its end. */
  readonly exited: Promise<string>;
}

export interface InferenceProcessOptions {
  environment: NodeJS.ProcessEnv;
  onMessage: (message: FromChild) => void;
  /** A line of its stderr: what llama.cpp has to say. */
  onLine: (line: string) => void;
}

const entry = fileURLToPath(new URL("child-main.ts", import.meta.url));

/** What loaders and GPU drivers read; keys and tokens of the engine are none of a model's business. */
const passedOn =
  /^(PATH|HOME|TMPDIR|TEMP|TMP|SystemRoot|windir|LANG|LC_.*|LD_LIBRARY_PATH|DYLD_.*|CUDA_.*|NVIDIA_.*|GGML_.*|VK_.*|HIP_.*|ROCR_.*|HSA_.*)$/i;

/** Several pool threads would spin against ggml's own: one is two to four times as fast. */
export function toChildEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(([name]) => passedOn.test(name));
  return { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: "1" };
}

export function startInferenceProcess(options: InferenceProcessOptions): InferenceProcess {
  const child = fork(entry, [], {
    env: toChildEnvironment(options.environment),
    execArgv: ["--disable-warning=ExperimentalWarning"],
    serialization: "json",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let lastLine = "";
  child.on("message", message => options.onMessage(message as FromChild));
  if (child.stderr !== null)
    createInterface(child.stderr).on("line", line => {
      lastLine = line.trim() === "" ? lastLine : line.slice(0, 500);
      options.onLine(line.slice(0, 2_000));
    });
  return {
    // A message to a process that has just died is lost with it; its requests are answered by its end.
    send: message => void (child.connected && child.send(message, () => {})),
    kill: () => void child.kill("SIGKILL"),
    pid: child.pid,
    exited: whenExited(child, () => lastLine),
  };
}

function whenExited(child: ChildProcess, lastLine: () => string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  child.on("error", error => resolve(error.message));
  child.on("exit", (code, signal) => {
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    resolve(lastLine() === "" ? how : `${how} after "${lastLine()}"`);
  });
  return promise;
}
