/** The embedded engine as a process of its own, so that the life cycle suite can interrupt and kill it as it can the CLI. */

import { EngineError } from "../../engine/contract/errors.ts";
import type { Command } from "../../stacks/embedded/deployment.ts";
import { runEmbedded } from "../../stacks/embedded/embedded.ts";
import { readProject } from "../../stacks/embedded/project.ts";
import { openSecrets } from "../../stacks/embedded/secrets.ts";
import { decryptConfig, readStackFile } from "../../stacks/run/stack-file.ts";

const [command, projectRoot = "", backend = "", folder = ""] = process.argv.slice(2);
const passphrase = process.env.PULUMI_CONFIG_PASSPHRASE ?? "";
const project = readProject(projectRoot);
const file = readStackFile({ project: project.name, folder, home: `${folder}/none` }, "test");
const secrets = await openSecrets(passphrase, String(file.settings.encryptionsalt));
const { values, secretKeys } = decryptConfig(file.config, secrets);
const controller = new AbortController();
process.on("SIGINT", () => controller.abort());
try {
  const result = await runEmbedded({
    command: command as Command,
    stack: "test",
    projectRoot,
    backend,
    passphrase,
    secrets,
    config: values,
    secretKeys,
    environment: process.env,
    out: { write: text => process.stdout.write(text), columns: undefined, rows: undefined },
    signal: controller.signal,
  });
  process.exitCode = result.succeeded ? 0 : 1;
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  console.error(`${error.message}. ${error.remedy}`);
  process.exitCode = 1;
}
