/** The project file Pulumi.yaml, as far as the embedded engine needs it. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { EngineError } from "../../engine/contract/errors.ts";

export interface Project {
  name: string;
  root: string;
  /** The program's folder, which is its working directory. */
  main: string;
  /** Where the stacks' configuration files are. */
  configFolder: string;
  /** Folder of the plugin of each package. */
  plugins: Map<string, string>;
}

interface ProjectFile {
  name?: string;
  main?: string;
  stackConfigDir?: string;
  plugins?: { providers?: { name: string; path: string }[] };
}

export function readProject(root: string): Project {
  const path = join(root, "Pulumi.yaml");
  const file = parseFile(path);
  if (typeof file.name !== "string") {
    throw new EngineError("invalid_config", `${path} names no project`, { field: "name" });
  }
  const providers = file.plugins?.providers ?? [];
  return {
    name: file.name,
    root,
    main: resolve(root, file.main ?? "."),
    configFolder: resolve(root, file.stackConfigDir ?? "."),
    plugins: new Map(providers.map(({ name, path: folder }) => [name, resolve(root, folder)])),
  };
}

function parseFile(path: string): ProjectFile {
  try {
    return (parse(readFileSync(path, "utf8")) ?? {}) as ProjectFile;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError("invalid_config", `${path} cannot be read: ${why}`, { cause });
  }
}
