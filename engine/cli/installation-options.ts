/** From options of a command line to the platform and the engine's settings that an installation is planned from. */
import { parse as parseYaml } from "yaml";
import { type EngineConfig, parseEngineConfig, toFieldProblems } from "../contract/config.ts";
import { EngineError } from "../contract/errors.ts";
import { Platform } from "../contract/platform.ts";
import type { DescribedOption, Invocation } from "./command.ts";
import { asList } from "./model-options.ts";

export const installationOptions: Readonly<Record<string, DescribedOption>> = {
  platform: { type: "string", short: "f", value: "FILE", help: "platform and settings as YAML" },
  image: { type: "string", value: "REF", help: "the engine's image" },
  installation: { type: "string", value: "NAME", help: "prefix of its objects (echorator)" },
  set: { type: "string", multiple: true, value: "PATH=VALUE", help: "any field of the platform" },
};

export interface Installation {
  platform: Platform;
  settings: EngineConfig;
}

/**
 * The file holds `platform:` as in a stack's configuration, and settings of the engine beside it (`keys`, `memory` …).
 * @throws EngineError invalid_request that lists every wrong field
 */
export async function readInstallation(invocation: Invocation): Promise<Installation> {
  const { options, readFile } = invocation;
  const text = typeof options.platform === "string" ? await readFile(options.platform) : "{}";
  const { platform = {}, ...settings } = toTree(parseYaml(text) ?? {});
  const tree = { ...toTree(platform) };
  for (const field of ["image", "installation", "namespace"])
    if (typeof options[field] === "string") tree[field] = options[field];
  for (const assignment of asList(options.set)) assign(tree, assignment);
  const result = Platform.safeParse(tree);
  if (result.success)
    return {
      platform: result.data,
      settings: parseEngineConfig({ auth: "none", ...settings, host: "0.0.0.0" }, "The file"),
    };
  const sentences = toFieldProblems(result.error).map(
    ({ field, message }) => `${field}: ${message}`,
  );
  throw new EngineError("invalid_request", `That is no platform: ${sentences.join("; ")}.`, {
    remedy: "See kollama install --help.",
  });
}

function toTree(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new EngineError("invalid_request", "The file holds no mapping.", {
    remedy: "Write `platform:` and the fields below it.",
  });
}

function assign(tree: Record<string, unknown>, text: string): void {
  const at = text.indexOf("=");
  const path = text.slice(0, Math.max(at, 0)).split(".");
  const last = path.pop() ?? "";
  if (at < 1 || [...path, last].some(key => key === "" || key === "__proto__"))
    throw new EngineError("invalid_request", `"${text}" is no PATH=VALUE.`, {
      field: "set",
      remedy: "Write --set gateway.replicas=2.",
    });
  let place = tree;
  for (const key of path) {
    const inner = place[key];
    const copy = typeof inner === "object" && inner !== null ? { ...inner } : {};
    place[key] = copy;
    place = copy as Record<string, unknown>;
  }
  place[last] = parseYaml(text.slice(at + 1));
}
