/** Status of the custom resource Model: conditions after kstatus, their closed reasons, and what is foretold and measured. */

export const conditionTypes = [
  "Ready",
  /** Abnormal-true, as kstatus has it: only there while something is being done. */
  "Reconciling",
  /** Abnormal-true: only there while nothing more will happen by itself. */
  "Stalled",
  "Downloaded",
  "Scheduled",
  "Loaded",
  "CognitionReady",
  "Routed",
] as const;
export type ConditionType = (typeof conditionTypes)[number];

export const conditionReasons = [
  "Serving",
  "Idle",
  "Progressing",
  "Scaling",
  "RollingOut",
  "Terminating",
  "InvalidSpec",
  "DoesNotFit",
  "NameConflict",
  "SourceUnreachable",
  "SourceRefused",
  "InvalidModelFile",
  "DigestMismatch",
  "ImageUnavailable",
  "Unschedulable",
  "VolumePending",
  "SecretMissing",
  "CrashLoop",
  "OutOfMemory",
  "NodeLost",
  "Evicted",
  "Downloading",
  "Downloaded",
  "Scheduled",
  "Loading",
  "Loaded",
  "Routed",
  "NoGateway",
  "CognitionReady",
  "CognitionDegraded",
  "ApplyFailed",
  "QuotaExceeded",
  "CanaryRolledBack",
] as const;
export type ConditionReason = (typeof conditionReasons)[number];

export interface Condition {
  type: ConditionType;
  status: "True" | "False" | "Unknown";
  reason: ConditionReason;
  message: string;
  lastTransitionTime: string;
  observedGeneration: number;
}

/** The one word of the printer column, in the order of a model's life. */
export const modelPhases = [
  "Pending",
  "Downloading",
  "Starting",
  "Loading",
  "Ready",
  "Idle",
  "Scaling",
  "RollingOut",
  "Failed",
  "Terminating",
] as const;
export type ModelPhase = (typeof modelPhases)[number];
