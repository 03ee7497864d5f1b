/** `file:///path`: weights on this machine, used where they lie. */
import type { Source } from "../../contract/source.ts";
import { useFile } from "../known-files.ts";
import type { WeightIndex } from "../weight-index.ts";
import type { WeightSource } from "./source.ts";

type LocalFile = Extract<Source, { scheme: "file" }>;

export function createFileSource(index: WeightIndex): WeightSource<LocalFile> {
  return ({ path }, request) => useFile(path, `The model file ${path}`, request, index);
}
