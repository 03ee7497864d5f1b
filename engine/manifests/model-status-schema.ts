/** Schema of a Model's status: conditions after kstatus, what is foretold, what was measured. */
import { conditionReasons, conditionTypes, modelPhases } from "../contract/model-status.ts";
import type { StructuralSchema } from "./structural-schema.ts";

const integer = (description: string): StructuralSchema => ({
  type: "integer",
  format: "int64",
  description,
});
const text = (description: string): StructuralSchema => ({ type: "string", description });

const conditions: StructuralSchema = {
  type: "array",
  description: "After kstatus: Ready, and Reconciling or Stalled only while they hold.",
  "x-kubernetes-list-type": "map",
  "x-kubernetes-list-map-keys": ["type"],
  items: {
    type: "object",
    required: ["type", "status", "reason", "message", "lastTransitionTime"],
    properties: {
      type: { type: "string", enum: [...conditionTypes] },
      status: { type: "string", enum: ["True", "False", "Unknown"] },
      reason: { type: "string", enum: [...conditionReasons] },
      message: { type: "string", maxLength: 32_768 },
      lastTransitionTime: { type: "string", format: "date-time" },
      observedGeneration: integer("Generation of the specification that the condition is about."),
    },
  },
};

const prediction: StructuralSchema = {
  type: "object",
  description: "What one pod was foretold to need, from the header of the weights.",
  properties: {
    weightsBytes: integer("Of the weights."),
    cacheBytes: integer("Of cached keys and values."),
    computeBytes: integer("Of a batch on its way."),
    overheadBytes: integer("Of the engine's own process."),
    memoryBytes: integer("All of it."),
    contextTokens: integer("Of one sequence."),
    slots: integer("Sequences together."),
    volumeBytes: integer("Of the weights' volume."),
    fetchSeconds: integer("Until the weights are there."),
    loadSeconds: integer("Until they are in memory."),
    startupBudgetSeconds: integer("What a start may take."),
  },
};

const measurement: StructuralSchema = {
  type: "object",
  description: "What one worker says of itself.",
  properties: {
    memoryBytes: integer("That the loaded model takes."),
    loadMs: integer("Time of its loading."),
    contextTokens: integer("Of one sequence, as loaded."),
  },
};

const facts: StructuralSchema = {
  type: "object",
  description: "What the header of the weights says.",
  properties: {
    architecture: text("Such as llama."),
    name: text("As its makers call it."),
    quantization: text("Such as Q8_0."),
    license: text("As the file has it."),
    sha256: text("Digest of the file."),
    parameters: integer("Weights in number."),
    contextTrained: integer("Tokens that it was trained for."),
    embeddingLength: integer("Length of an embedding."),
    blockCount: integer("Layers."),
    vocabularySize: integer("Distinct tokens."),
    bytes: integer("Of the file."),
  },
};

export const modelStatusSchema: StructuralSchema = {
  type: "object",
  description: "What is so; written by the operator alone.",
  properties: {
    observedGeneration: integer("Generation that the status is about."),
    phase: { type: "string", enum: [...modelPhases], description: "One word for all of it." },
    conditions,
    replicas: integer("Pods that there are."),
    readyReplicas: integer("Pods that serve."),
    desiredReplicas: integer("Pods that are wanted, as last handed to the workload."),
    selector: text("Labels of the pods, for those that scale."),
    endpoint: text("Where clients reach it: base URL of the gateway, inside the cluster."),
    warnings: {
      type: "array",
      maxItems: 32,
      "x-kubernetes-list-type": "atomic",
      items: { type: "string" },
      description: "What the plan had to say: fields without effect, sizes that are not known.",
    },
    progress: {
      type: "object",
      description: "Of the download that is furthest.",
      properties: {
        completedBytes: integer("Fetched."),
        totalBytes: integer("Of the file."),
        text: text("Such as 42 %."),
      },
    },
    prediction,
    measurement,
    facts,
  },
};
