/** What there is to choose of an image: the machine it runs on, and what its llama.cpp computes with. */
import { EngineError } from "../contract/errors.ts";

export const variants = ["cpu", "cuda", "vulkan"] as const;
export type Variant = (typeof variants)[number];

export interface Target {
  variant: Variant;
  /** As container registries call it. */
  platform: "linux/amd64" | "linux/arm64";
  architecture: "amd64" | "arm64";
  /** As uname says it. */
  machine: string;
  /** The npm package that is a Node binary. */
  nodePackage: string;
  /** The one of node-llama-cpp's many platform packages. */
  llamaPackage: string;
}

/** Libraries that the machine's driver brings into the container when it is started. */
export const librariesOfDriver = new Set(["libcuda.so.1"]);

const machines = {
  "linux/amd64": { architecture: "amd64", machine: "x86_64", name: "linux-x64" },
  "linux/arm64": { architecture: "arm64", machine: "aarch64", name: "linux-arm64" },
} as const;

/** @throws EngineError invalid_config when there is no such image. */
export function chooseTarget(variant: string, platform: string): Target {
  const known = variants.find(name => name === variant);
  if (known === undefined)
    throw new EngineError("invalid_config", `There is no variant "${variant}".`, {
      field: "variant",
      remedy: `Choose one of ${variants.join(", ")}.`,
    });
  if (platform !== "linux/amd64" && platform !== "linux/arm64")
    throw new EngineError("invalid_config", `There is no image for the platform "${platform}".`, {
      field: "platform",
      remedy: `Choose one of ${Object.keys(machines).join(", ")}.`,
    });
  if (platform === "linux/arm64" && known !== "cpu")
    throw new EngineError(
      "invalid_config",
      `node-llama-cpp has no ${known} build for ${platform}.`,
      {
        field: "variant",
        remedy: "Use the variant cpu, or the platform linux/amd64.",
      },
    );
  const { architecture, machine, name } = machines[platform];
  return {
    variant: known,
    platform,
    architecture,
    machine,
    nodePackage: `node-${name}`,
    llamaPackage: `@node-llama-cpp/${name}${known === "cpu" ? "" : `-${known}`}`,
  };
}
