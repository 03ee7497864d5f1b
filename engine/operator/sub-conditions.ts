/** Sub-conditions: Downloaded, Scheduled, Loaded and Routed of a model. */
import { count, type Progress, type Verdict, type View } from "./view.ts";

/** The sub-conditions; those of what a model does not have are absent. */
export function toParts(view: View, progress: Progress | undefined): Verdict[] {
  const { seen } = view;
  const isRouted = seen.hasGateway;
  const routed: Verdict[] =
    isRouted === undefined
      ? []
      : [
          isRouted
            ? { type: "Routed", status: "True", reason: "Routed", message: "Gateways route to it." }
            : {
                type: "Routed",
                status: "False",
                reason: "NoGateway",
                message: "No gateway serves.",
              },
        ];
  if (!seen.hasWorkers || view.desired === 0 || seen.workload === undefined) return routed;
  return [
    ...(seen.fetches ? [toDownloaded(view, progress)] : []),
    toScheduled(view),
    toLoaded(view),
    ...routed,
  ];
}

function toDownloaded(view: View, progress: Progress | undefined): Verdict {
  const type = "Downloaded";
  const { worker, ready, problem } = view;
  const failed =
    problem &&
    ["SourceUnreachable", "SourceRefused", "DigestMismatch", "InvalidModelFile"].includes(
      problem.reason,
    );
  if (failed && ready === 0) return { type, status: "False", ...problem };
  if (ready > 0 || ["loading", "ready", "unloaded"].includes(worker?.state ?? ""))
    return { type, status: "True", reason: "Downloaded", message: "The weights are there." };
  if (worker?.state === "fetching")
    return {
      type,
      status: "False",
      reason: "Downloading",
      message: progress?.text ?? "The weights are being fetched.",
    };
  return {
    type,
    status: "Unknown",
    reason: "Progressing",
    message: "No engine has said anything yet.",
  };
}

function toScheduled({ pods, desired, problem }: View): Verdict {
  const type = "Scheduled";
  const scheduled = pods.filter(pod => pod.isScheduled).length;
  if (scheduled >= desired)
    return {
      type,
      status: "True",
      reason: "Scheduled",
      message: `${count(scheduled)} have a node.`,
    };
  if (problem && ["Unschedulable", "VolumePending", "QuotaExceeded"].includes(problem.reason))
    return { type, status: "False", ...problem };
  const message = `${scheduled} of ${count(desired)} have a node.`;
  return { type, status: "False", reason: "Progressing", message };
}

function toLoaded({ ready, worker, problem }: View): Verdict {
  const type = "Loaded";
  if (ready > 0 || worker?.state === "ready")
    return { type, status: "True", reason: "Loaded", message: "The weights are in memory." };
  if (worker?.state === "loading")
    return { type, status: "False", reason: "Loading", message: "The weights are being loaded." };
  if (problem !== undefined) return { type, status: "False", ...problem };
  return { type, status: "False", reason: "Progressing", message: "The engine is not so far yet." };
}
