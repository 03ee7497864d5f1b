/** The ModelSpec as JSON Schema, for those who check it without this program: the custom resource. */
import { z } from "zod";
import { ModelSpec } from "./model.ts";

/** As it is written: fields with a default may be absent. */
export function modelSpecSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(ModelSpec, { io: "input", unrepresentable: "any" });
}
