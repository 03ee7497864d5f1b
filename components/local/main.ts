/** The plugin's process: serves the local provider to whoever deploys, and ends with it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { provider } from "@pulumi/pulumi";
import { createProcessResource } from "./process-resource.ts";
import { createProgress } from "./progress.ts";
import { createLocalProvider } from "./provider.ts";
import { createServedModelResource } from "./served-model-resource.ts";

const root = new URL("../../", import.meta.url);
const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  version: string;
};
const engineAddress = process.argv.slice(2).findLast(argument => !argument.startsWith("-"));
const entry = fileURLToPath(new URL("engine/main.ts", root));

const local = createLocalProvider(
  {
    "echo:local:Process": createProcessResource({ entry, environment: process.env }),
    "echo:local:ServedModel": createServedModelResource(),
  },
  createProgress(engineAddress),
  version,
);
endWithParent();
await provider.main(local, process.argv.slice(2));

/** A deployment that was killed cannot end its plugins; what they were doing is finished by the next one. */
function endWithParent(): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, 500);
  timer.unref();
}
