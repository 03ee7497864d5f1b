/** From evidence to findings: each stuck state has its reason and its remedy. */
import { expect, test } from "vitest";
import { diagnose } from "../../../engine/cli/diagnosis.ts";
import type { Evidence, PlacedModel } from "../../../engine/cli/place.ts";

const model: PlacedModel = {
  name: "assistant",
  source: "bundled:echo-tiny",
  phase: "Starting",
  replicas: { ready: 0, wanted: 1 },
  message: undefined,
  progress: undefined,
  contextTokens: undefined,
  memoryBytes: undefined,
  createdMs: undefined,
  isReady: false,
  isStalled: false,
};

const nothing: Evidence = { model, conditions: [], events: [], pods: [], logs: [], health: [] };

function podThat(
  waiting: { reason: string; message: string } | undefined,
  terminated?: { reason: string; exitCode: number },
): Evidence {
  const pod = { name: "model-assistant-1", phase: "Pending", ready: false, restarts: 0 };
  return { ...nothing, pods: [{ ...pod, waiting, terminated }] };
}

function warning(reason: string, message: string): Evidence {
  const object = "Pod/model-assistant-1";
  return { ...nothing, events: [{ type: "Warning", reason, message, object, count: 3 }] };
}

function stalled(reason: string, message: string): Evidence {
  const condition = { type: "Stalled", status: "True", reason, message };
  return { ...nothing, conditions: [condition] };
}

test.each<[string, Evidence, RegExp, RegExp]>([
  [
    "an image that cannot be pulled",
    podThat({ reason: "ImagePullBackOff", message: "Back-off pulling image" }),
    /Back-off/,
    /imagePullSecrets/,
  ],
  [
    "a pod that fits nowhere",
    warning("FailedScheduling", "0/2 nodes are available"),
    /0\/2 nodes/,
    /profile/,
  ],
  [
    "a volume that does not bind",
    warning("ProvisioningFailed", "no such class"),
    /no such class/,
    /StorageClass/,
  ],
  [
    "a Secret that is missing",
    podThat({ reason: "CreateContainerConfigError", message: 'secret "token" not found' }),
    /token/,
    /Create the Secret/,
  ],
  [
    "too little memory",
    podThat(
      { reason: "CrashLoopBackOff", message: "back-off" },
      { reason: "OOMKilled", exitCode: 137 },
    ),
    /OOMKilled/,
    /Lower `context`/,
  ],
  [
    "a process that crashes",
    podThat({ reason: "CrashLoopBackOff", message: "back-off" }),
    /back-off/,
    /--previous/,
  ],
  ["a model that never fits", stalled("DoesNotFit", "needs 12 GB"), /needs 12 GB/, /would fit/],
  ["a source that is away", stalled("SourceUnreachable", "no route"), /no route/, /sourceCidrs/],
  ["another digest", stalled("DigestMismatch", "is abc"), /is abc/, /sha256/],
  ["a quota", warning("FailedCreate", "exceeded quota"), /exceeded quota/, /ResourceQuota/],
  ["two models with one name", stalled("NameConflict", "alias x"), /alias x/, /alias/],
])("%s", (_, evidence, what, remedy) => {
  const [finding] = diagnose("assistant", evidence);
  expect(finding).toMatchObject({
    about: "assistant",
    what: expect.stringMatching(what),
    remedy: expect.stringMatching(remedy),
  });
  expect(finding?.evidence.length).toBeGreaterThan(0);
});

test("what pods and events repeat is one finding with all that was seen", () => {
  const pods = ["1", "2"].map(id => ({
    name: `model-assistant-${id}`,
    phase: "Pending",
    ready: false,
    restarts: 0,
    waiting: { reason: "ErrImagePull", message: "denied" },
    terminated: undefined,
  }));
  const findings = diagnose("assistant", { ...nothing, pods });
  expect(findings).toHaveLength(1);
  expect(findings[0]?.evidence).toHaveLength(2);
});

test("a model on its way is no mystery, and one that answers is no finding", () => {
  expect(diagnose("assistant", nothing)).toMatchObject([{ what: "it is Starting" }]);
  expect(diagnose("assistant", { ...nothing, model: { ...model, isReady: true } })).toEqual([]);
});

test("an unwell gateway does not hide a model that no rule explains", () => {
  const health = [{ path: "/health/serving", status: 503, reasons: ["no endpoints"] }];
  const failed = { ...model, isStalled: true, message: "The platform has no such profile." };
  const findings = diagnose("assistant", { ...nothing, model: failed, health });
  expect(findings.map(({ about }) => about)).toEqual(["assistant", "the engine"]);
});

test("a pod that waits for its claim is told of the claim, not of machines", () => {
  const evidence = warning("FailedScheduling", "pod has unbound PersistentVolumeClaims");
  expect(diagnose("assistant", evidence)).toMatchObject([
    { remedy: expect.stringContaining("StorageClass") },
  ]);
});

test("conditions of one reason are one line, and no line says the finding again", () => {
  const conditions = ["Ready", "Loaded"].map(type => ({
    ...{ type, status: "False", reason: "SecretMissing" },
    message: "There is no Secret nobody.",
  }));
  const event = warning("SecretMissing", "There is no Secret nobody.").events;
  expect(diagnose("assistant", { ...nothing, conditions, events: event })[0]?.evidence).toEqual([
    "conditions Ready, Loaded: SecretMissing",
    "event Pod/model-assistant-1: SecretMissing the same (3 times)",
  ]);
});

test("old warnings about a model that answers are not told", () => {
  const evidence = warning("FailedScheduling", "0/2 nodes are available");
  expect(diagnose("assistant", { ...evidence, model: { ...model, isReady: true } })).toEqual([]);
});

test("an engine that is unwell is told with its own reasons", () => {
  const health = [{ path: "/dte/health", status: 503, reasons: ["the disk is full"] }];
  expect(diagnose(undefined, { ...nothing, model: undefined, health })).toMatchObject([
    { about: "the engine", what: "the disk is full" },
  ]);
});
