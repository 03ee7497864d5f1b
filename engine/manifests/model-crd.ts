/** planModelCrd: the custom resource Model, its schema generated from the contract. */
import { type KubernetesObject, modelResource } from "../contract/kubernetes.ts";
import { limits } from "../contract/limits.ts";
import { modelSpecSchema } from "../contract/model-schema.ts";
import { modelStatusSchema } from "./model-status-schema.ts";
import { type Draft, toObject } from "./objects.ts";
import { type Rule, type StructuralSchema, schemaAt, toStructural } from "./structural-schema.ts";

/** The grammar of `parseSource`, as far as a pattern can say it. */
const sourcePattern = [
  "bundled:[a-z0-9][a-z0-9-]*",
  "file:///.+",
  "https://[^/@?#]+([/?#].*)?",
  "http://(localhost|127[.]0[.]0[.]1|\\[::1\\])(:[0-9]+)?([/?#].*)?",
  "hf:[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+/([A-Za-z0-9_.+ -]+/)*[A-Za-z0-9_.+ -]+[.][gG][gG][uU][fF](@[A-Za-z0-9_./-]+)?",
  "pvc://[a-z0-9]([-a-z0-9.]*[a-z0-9])?/.+[.][gG][gG][uU][fF]",
  "openai:https?://[^/@?#]+([/?][^#]*)?#.+",
].join("|");

const sourceRule: Rule = {
  rule: `self.matches('^(${sourcePattern.replaceAll("\\", "\\\\")})$')`,
  message:
    "write bundled:NAME, file:///PATH, https://HOST/FILE.gguf, hf:OWNER/REPO/FILE.gguf[@REVISION], " +
    "pvc://CLAIM/PATH.gguf or openai:https://HOST/v1#MODEL, without credentials",
};

const climbRule: Rule = {
  rule: "!((self.startsWith('pvc:') || self.startsWith('hf:')) && self.matches('/[.][.](/|$)'))",
  message: "a path does not climb with ..",
};

/** By the path that they are checked at. */
const rules: Record<string, Rule[]> = {
  "": [
    {
      rule: "!has(self.canary) || self.canary.source != self.source || (has(self.canary.sha256) ? self.canary.sha256 : '') != (has(self.sha256) ? self.sha256 : '')",
      message: "the canary has the same weights as the model",
      fieldPath: ".canary",
    },
    {
      rule: "!has(self.scaling) || self.scaling.windows.all(w, w.min <= (has(self.replicas) ? self.replicas.max : 1))",
      message: "min of a window is more than `replicas.max`",
      fieldPath: ".scaling.windows",
    },
  ],
  source: [sourceRule, climbRule],
  "canary.source": [sourceRule, climbRule],
  "adapters[].source": [sourceRule, climbRule],
  replicas: [{ rule: "self.min <= self.max", message: "min is more than max", fieldPath: ".min" }],
  storage: [
    {
      rule: "self.tier != 'image' || has(self.image)",
      message: "the tier `image` needs an image",
    },
    {
      rule: "self.tier == 'image' || !has(self.image)",
      message: "only the tier `image` has an image",
    },
  ],
};

/** Lists whose items several writers may own; the others belong to whoever wrote them last. */
const sets = ["aliases", "keys", "scaling.windows[].days", "pod.imagePullSecrets"];
const maps: Record<string, string[]> = { adapters: ["name"] };

const nameRule: Rule = {
  rule: "self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')",
  message: "a model's name is a DNS label: small letters, digits and dashes, at most 63",
};

export function planModelCrd(): KubernetesObject {
  const { group, version, kind, plural, singular, shortNames } = modelResource;
  return toObject({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        shortNames: [...shortNames],
        categories: ["echorator"],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: modelSchema() as unknown as Draft },
          subresources: {
            status: {},
            scale: {
              specReplicasPath: ".spec.replicas.current",
              statusReplicasPath: ".status.replicas",
              labelSelectorPath: ".status.selector",
            },
          },
          additionalPrinterColumns: columns,
        },
      ],
    },
  });
}

export function modelSchema(): StructuralSchema {
  return {
    type: "object",
    description: "A language model that is served.",
    required: ["spec"],
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: specSchema(),
      status: modelStatusSchema,
    },
    "x-kubernetes-validations": [nameRule],
  };
}

function specSchema(): StructuralSchema {
  const spec = toStructural(modelSpecSchema());
  const { name: _, ...properties } = spec.properties ?? {};
  spec.properties = properties;
  spec.required = spec.required?.filter(field => field !== "name") ?? [];
  spec.description = "What is wanted of the model; its name is the resource's.";
  schemaAt(spec, "replicas").properties!.current = {
    type: "integer",
    minimum: 0,
    maximum: limits.replicasMax,
    description:
      "Replicas that are wanted right now, between min and max: for `kubectl scale` and whoever scales.",
  };
  for (const path of sets) schemaAt(spec, path)["x-kubernetes-list-type"] = "set";
  for (const [path, keys] of Object.entries(maps))
    Object.assign(schemaAt(spec, path), {
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": keys,
    });
  for (const [path, list] of Object.entries(rules))
    schemaAt(spec, path)["x-kubernetes-validations"] = list;
  return spec;
}

const columns: Draft[] = [
  { name: "Phase", type: "string", jsonPath: ".status.phase" },
  {
    name: "Ready",
    type: "string",
    jsonPath: ".status.conditions[?(@.type=='Ready')].status",
  },
  { name: "Replicas", type: "integer", jsonPath: ".status.replicas" },
  { name: "Progress", type: "string", jsonPath: ".status.progress.text" },
  {
    name: "Reason",
    type: "string",
    jsonPath: ".status.conditions[?(@.type=='Ready')].reason",
    priority: 1,
  },
  { name: "Source", type: "string", jsonPath: ".spec.source", priority: 1 },
  {
    name: "Memory",
    type: "integer",
    jsonPath: ".status.prediction.memoryBytes",
    priority: 1,
  },
  { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
];
