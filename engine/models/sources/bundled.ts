/** `bundled:name`: models that come with the package, used where they lie. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../../contract/errors.ts";
import type { Source } from "../../contract/source.ts";
import { useFile } from "../known-files.ts";
import type { WeightIndex } from "../weight-index.ts";
import type { WeightSource } from "./source.ts";

type Bundled = Extract<Source, { scheme: "bundled" }>;

const ending = ".gguf";

export function createBundledSource(folder: string, index: WeightIndex): WeightSource<Bundled> {
  return async ({ name }, request) => {
    const names = (await readdir(folder).catch((): string[] => []))
      .filter(file => file.endsWith(ending))
      .map(file => file.slice(0, -ending.length))
      .sort();
    if (!names.includes(name))
      throw new EngineError("invalid_config", `There is no bundled model "${name}".`, {
        field: "source",
        remedy:
          names.length === 0
            ? "Name another `source`: this package has no bundled model."
            : `Write ${names.map(known => `bundled:${known}`).join(" or ")}.`,
      });
    return useFile(join(folder, `${name}${ending}`), `The bundled model "${name}"`, request, index);
  };
}
