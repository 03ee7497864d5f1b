/** Who decides on the number of a model's replicas, and the objects of those that others scale. */

import { EngineError } from "../contract/errors.ts";
import type { MetricName } from "../contract/metrics.ts";
import type { ModelSpec, Scaling } from "../contract/model.ts";
import type { Platform } from "../contract/platform.ts";
import { type Draft, present } from "./objects.ts";

export const scalingApis = {
  keda: "keda.sh/v1alpha1/ScaledObject",
  podMetrics: "metrics.k8s.io/v1beta1/PodMetrics",
} as const;

/** Whether replicas are set by a scaler; then no applier ever writes them, so that none undoes the scaler's work. */
export function isScaled(spec: Pick<ModelSpec, "replicas">): boolean {
  return spec.replicas !== undefined && spec.replicas.min < spec.replicas.max;
}

/** Undefined where a scaler owns the number: a new workload then begins with one. */
export function stableReplicas(spec: ModelSpec): number | undefined {
  return isScaled(spec) ? undefined : (spec.replicas?.min ?? 1);
}

/** As many as its share of the model's requests needs, at least one. */
export function canaryReplicas(spec: ModelSpec): number {
  const share = (spec.canary?.weight ?? 0) / 100;
  return Math.max(1, Math.round((spec.replicas?.max ?? 1) * share));
}

export interface PlannedScaling {
  kind: "none" | "hpa" | "keda";
  /** Of the HorizontalPodAutoscaler or the ScaledObject. */
  spec: Draft;
  warnings: string[];
}

interface Target {
  kind: string;
  name: string;
}

/** @throws EngineError invalid_config when nobody would scale */
export function planScaling(spec: ModelSpec, platform: Platform, target: Target): PlannedScaling {
  const { scaling } = spec;
  const none: PlannedScaling = { kind: "none", spec: undefined, warnings: [] };
  if (scaling === undefined) return none;
  if (!isScaled(spec))
    return {
      ...none,
      warnings: ["`scaling` has no effect: `replicas.min` and `replicas.max` are the same."],
    };
  if (scaling.by === "hpa") return planHpa(spec, scaling, platform, target);
  if (scaling.by === "keda") return planKeda(spec, scaling, platform, target);
  return none;
}

function rangeOf(spec: ModelSpec) {
  return spec.replicas ?? { min: 1, max: 1 };
}

function planHpa(
  spec: ModelSpec,
  scaling: Scaling,
  platform: Platform,
  target: Target,
): PlannedScaling {
  const blind = platform.apis.includes(scalingApis.podMetrics)
    ? []
    : [
        `\`by: hpa\` follows the cores in use, and the platform does not name ${scalingApis.podMetrics}.`,
      ];
  const signals = ["queueSeconds", "tokensWaiting", "firstTokenSeconds"] as const;
  const unheard = signals
    .filter(signal => scaling[signal] !== undefined)
    .map(signal => `\`scaling.${signal}\` has no effect: \`by: hpa\` follows the cores in use.`);
  const windows =
    scaling.windows.length === 0
      ? []
      : ["`scaling.windows` has no effect: `by: hpa` knows no times of the week."];
  const { min, max } = rangeOf(spec);
  return {
    kind: "hpa",
    // At zero it rests: waking is the gateway's.
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", ...target },
      minReplicas: Math.max(1, min),
      maxReplicas: max,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
        },
      ],
      behavior: {
        scaleDown: { stabilizationWindowSeconds: Math.min(3_600, scaling.downSeconds) },
      },
    },
    warnings: [...blind, ...unheard, ...windows],
  };
}

function planKeda(
  spec: ModelSpec,
  scaling: Scaling,
  platform: Platform,
  target: Target,
): PlannedScaling {
  if (!platform.apis.includes(scalingApis.keda)) throw withoutKeda();
  const { min, max } = rangeOf(spec);
  return {
    kind: "keda",
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", ...target },
      minReplicaCount: min,
      maxReplicaCount: max,
      cooldownPeriod: scaling.idleSeconds,
      advanced: {
        horizontalPodAutoscalerConfig: {
          behavior: {
            scaleDown: { stabilizationWindowSeconds: Math.min(3_600, scaling.downSeconds) },
          },
        },
      },
      triggers: [
        ...prometheusTriggers(spec, scaling, platform),
        ...scaling.windows.map(toCronTrigger),
      ],
    },
    warnings: [],
  };
}

/** Where nothing else is asked for, a second in the queue is too long. */
const queueSecondsDefault = 1;

function prometheusTriggers(spec: ModelSpec, scaling: Scaling, platform: Platform): Draft[] {
  const { firstTokenSeconds, tokensWaiting } = scaling;
  const selector = `{namespace="${platform.namespace}",model="${spec.name}"}`;
  const quantile = (metric: MetricName) =>
    `histogram_quantile(0.95, sum by (le) (rate(${metric}_bucket${selector}[2m])))`;
  const others = firstTokenSeconds ?? tokensWaiting;
  const queueSeconds =
    scaling.queueSeconds ?? (others === undefined ? queueSecondsDefault : undefined);
  const sum = (metric: MetricName) => `sum(${metric}${selector})`;
  return present<Draft>(
    queueSeconds !== undefined &&
      trigger(platform, "Value", quantile("echorator_queue_seconds"), queueSeconds),
    firstTokenSeconds !== undefined &&
      trigger(
        platform,
        "Value",
        quantile("echorator_time_to_first_token_seconds"),
        firstTokenSeconds,
      ),
    // Of each replica: the sum is divided by how many there are.
    tokensWaiting !== undefined &&
      trigger(platform, "AverageValue", sum("echorator_tokens_waiting"), tokensWaiting),
  );
}

function trigger(
  platform: Platform,
  metricType: "Value" | "AverageValue",
  query: string,
  threshold: number,
): Draft {
  return {
    type: "prometheus",
    metricType,
    metadata: {
      // The name of the Service that the Prometheus operator gives to every Prometheus.
      serverAddress: `http://prometheus-operated.${platform.monitoringNamespace}.svc:9090`,
      query,
      threshold: String(threshold),
      ignoreNullValues: "true",
    },
  };
}

const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

function toCronTrigger(window: Scaling["windows"][number]): Draft {
  const cron = (time: string, shift: number) => {
    const [hour, minute] = time.split(":").map(Number);
    const on = window.days.map(day => (days.indexOf(day) + shift) % 7).sort();
    return `${minute} ${hour} * * ${on.join(",")}`;
  };
  return {
    type: "cron",
    metadata: {
      timezone: window.zone,
      start: cron(window.from, 0),
      // A window that ends before it begins ends on the day after.
      end: cron(window.to, window.to <= window.from ? 1 : 0),
      desiredReplicas: String(window.min),
    },
  };
}

function withoutKeda(): EngineError {
  return new EngineError(
    "invalid_config",
    `\`scaling.by: keda\` needs the API ${scalingApis.keda}, and the platform does not name it.`,
    {
      field: "scaling.by",
      remedy: "Add it to the platform's `apis` when the cluster has it, or leave `scaling.by` out.",
    },
  );
}
