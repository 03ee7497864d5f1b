/** Why a model does not work: from evidence to findings, each with what to do; pure. */
import { paths } from "../contract/endpoints.ts";
import type { Evidence } from "./place.ts";

export interface Finding {
  /** A model's name, or the part that is unwell. */
  about: string;
  what: string;
  remedy: string;
  /** Lines as they were read. */
  evidence: string[];
}

interface Rule {
  /** Reason of a condition, a waiting container or an event. */
  reasons: readonly string[];
  remedy: string;
}

/** What to do for each reason that a cluster gives; the first that fits is told. */
const rules: readonly Rule[] = [
  {
    reasons: [
      "ImagePullBackOff",
      "ErrImagePull",
      "InvalidImageName",
      "ErrImageNeverPull",
      "ImageUnavailable",
    ],
    remedy:
      "Look at `image` of the platform and at imagePullSecrets; a private registry needs one of them.",
  },
  {
    reasons: ["FailedScheduling", "Unschedulable"],
    remedy:
      "Free resources or add a node, or give the model a smaller `profile`; selectors and taints of the profile must match a node.",
  },
  {
    reasons: ["FailedMount", "FailedAttachVolume", "ProvisioningFailed", "VolumePending"],
    remedy:
      "Look at the claim (kubectl describe pvc) and its StorageClass; `storage.class` of the model names another.",
  },
  {
    reasons: ["CreateContainerConfigError", "SecretMissing"],
    remedy: "Create the Secret that the message names in the model's namespace.",
  },
  {
    reasons: ["OOMKilled", "OutOfMemory"],
    remedy: "Lower `context`, `slots` or the `kv` types, or name a profile with more memory.",
  },
  {
    reasons: ["CrashLoopBackOff", "CrashLoop"],
    remedy: "Read what it said last: kollama logs NAME --previous.",
  },
  {
    reasons: ["DoesNotFit"],
    remedy: "Take what the message says would fit, or name a larger `profile`.",
  },
  {
    reasons: ["SourceUnreachable"],
    remedy: "Look at the network, the `source` and the platform's `sourceCidrs`.",
  },
  {
    reasons: ["DigestMismatch", "InvalidModelFile"],
    remedy: "Correct `sha256`, or name a `source` that has these weights.",
  },
  { reasons: ["NodeLost", "NodeNotReady"], remedy: "Look at the node: kubectl describe node." },
  { reasons: ["Evicted"], remedy: "A node had too little memory or disk; look at its pressure." },
  { reasons: ["NameConflict"], remedy: "Two models answer to one name: change an alias." },
  { reasons: ["QuotaExceeded", "FailedCreate"], remedy: "Look at the namespace's ResourceQuota." },
];

const theEngine = "the engine";

export function diagnose(name: string | undefined, evidence: Evidence): Finding[] {
  const about = name ?? theEngine;
  const found = [
    ...fromPods(about, evidence),
    ...fromConditions(about, evidence),
    ...fromEvents(about, evidence),
    ...fromHealth(evidence),
  ];
  // One reason is told once, however many pods and events repeat it.
  const byRemedy = new Map<string, Finding>();
  for (const finding of found) {
    const known = byRemedy.get(finding.about + finding.remedy);
    if (known === undefined) byRemedy.set(finding.about + finding.remedy, finding);
    else known.evidence.push(...finding.evidence.filter(line => !known.evidence.includes(line)));
  }
  const findings = [...byRemedy.values()];
  const { model } = evidence;
  const isExplained = findings.some(finding => finding.about === about);
  if (!isExplained && model !== undefined && !model.isReady)
    findings.unshift({
      about,
      what: model.message ?? `it is ${model.phase}`,
      remedy: model.isStalled
        ? "Correct what the sentence names, and deploy it again."
        : "Wait; it is on its way. Run doctor again if it stays so.",
      evidence: [],
    });
  return findings.map(finding => withLogs(finding, evidence));
}

function remedyOf(reason: string): string | undefined {
  return rules.find(rule => rule.reasons.includes(reason))?.remedy;
}

function fromPods(about: string, { pods }: Evidence): Finding[] {
  return pods
    .filter(pod => !pod.ready)
    .flatMap(pod => {
      const told = [
        pod.terminated && {
          reason: pod.terminated.reason,
          message: `exit ${pod.terminated.exitCode}`,
        },
        pod.waiting,
      ].filter(state => state !== undefined);
      return told.flatMap(({ reason, message }) => {
        const remedy = remedyOf(reason);
        const line = `pod ${pod.name}: ${reason}: ${message}`;
        return remedy === undefined
          ? []
          : [{ about, what: `${reason}: ${message}`, remedy, evidence: [line] }];
      });
    });
}

function fromConditions(about: string, { conditions }: Evidence): Finding[] {
  const bad = conditions.filter(
    ({ type, status }) =>
      (type === "Stalled" && status === "True") ||
      (type !== "Stalled" && type !== "Reconciling" && status === "False"),
  );
  return bad.flatMap(({ reason, message }) => {
    const remedy = remedyOf(reason);
    // Conditions that name one reason are one line.
    const types = bad.filter(other => other.reason === reason).map(({ type }) => type);
    const line = `conditions ${types.join(", ")}: ${reason}`;
    return remedy === undefined
      ? []
      : [{ about, what: message || reason, remedy, evidence: [line] }];
  });
}

function fromEvents(about: string, { events, model }: Evidence): Finding[] {
  if (model?.isReady === true) return [];
  return events
    .filter(event => event.type === "Warning")
    .flatMap(({ reason, message, object, count }) => {
      const isVolume = reason === "FailedScheduling" && /persistentvolumeclaim/i.test(message);
      const remedy = remedyOf(isVolume ? "VolumePending" : reason);
      const line = `event ${object}: ${reason} ${message}${count > 1 ? ` (${count} times)` : ""}`;
      return remedy === undefined ? [] : [{ about, what: message, remedy, evidence: [line] }];
    });
}

const healthRemedies: Readonly<Record<string, string>> = {
  [paths.serving]: "No gateway lets requests in; look at its pods: kubectl get pods.",
  [paths.live]: "The engine does not answer; look at its process or pod.",
  [paths.started]: "Its configuration or its stores are not in order; look at its log.",
  [paths.ready]: "A required model cannot answer; doctor of that model says why.",
  [paths.cognition]: "Memory is unwell; models still answer. Look at the stores.",
};

function fromHealth({ health }: Evidence): Finding[] {
  return health
    .filter(({ status }) => status >= 400)
    .map(({ path, status, reasons }) => ({
      about: theEngine,
      what: reasons.length > 0 ? reasons.join("; ") : `${path} answers ${status}`,
      remedy: healthRemedies[path] ?? "Look at the engine's log.",
      evidence: [`GET ${path}: ${status}`],
    }));
}

function withLogs(finding: Finding, { logs }: Evidence): Finding {
  const lines = logs.flatMap(({ from, lines: last }) => last.map(line => `log ${from}: ${line}`));
  const seen = finding.evidence.map(line => withoutEcho(line, finding.what));
  return { ...finding, evidence: [...seen, ...lines] };
}

/** What the finding says already is not said again by each line. */
function withoutEcho(line: string, what: string): string {
  return what.length > 20 ? line.replace(what, "the same") : line;
}
