/** `npm run env`: what a shell must know for `pulumi` to work on the same stack. */
import { join } from "node:path";
import type { Project } from "../embedded/project.ts";
import { ensureStack } from "./deploy.ts";
import type { Home } from "./home.ts";
import { openStackSecrets, readStackFile, writeMerged } from "./stack-file.ts";

export interface ExportsOptions {
  project: Project;
  home: Home;
  stack: string;
}

/** Lines for `eval "$(npm run -s env -- local)"`. */
export async function renderExports(options: ExportsOptions): Promise<string> {
  const { project, home, stack } = options;
  const files = { project: project.name, folder: project.configFolder, home: home.folder };
  const file = readStackFile(files, stack);
  const secrets = await openStackSecrets(file, home.passphrase);
  ensureStack(options, secrets);
  const variables = {
    PULUMI_BACKEND_URL: home.backendUrl,
    ...home.passphraseVariables,
    PULUMI_STACK: stack,
    // Stands for --config-file, which every command with configuration has.
    PULUMI_OPTION_CONFIG_FILE: writeMerged(file, stack, home.folder),
    ECHORATOR_HOME: home.folder,
  };
  const tools = quote(join(project.root, "node_modules", ".bin"));
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`);
  const path = `export PATH=${tools}:"$PATH"`;
  return `${[path, ...lines, ...notes(file.homePath)].join("\n")}\n`;
}

function notes(homePath: string): string[] {
  return [
    "# Then: pulumi preview, pulumi up, pulumi destroy.",
    `# After a change of the stack's files (the home's is ${homePath}) say this again.`,
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
