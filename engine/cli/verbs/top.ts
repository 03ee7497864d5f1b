/** kollama top: what each worker does right now. */
import { defaultPorts } from "../../contract/endpoints.ts";
import { type KubernetesObject, labels } from "../../contract/kubernetes.ts";
import { type WorkerModels, workerPaths } from "../../contract/worker.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import { wantCluster } from "../cluster-only.ts";
import type { Verb } from "../command.ts";
import { createEngineClient } from "../engine-client.ts";
import { renderBytes, renderTable, show } from "../output.ts";
import type { ClusterPlace } from "../places/cluster-place.ts";

interface Row {
  pod: string;
  model: string;
  state: string;
  busy: number;
  slots: number;
  waiting: number;
  tokensWaiting: number;
  memoryBytes: number | undefined;
}

export const top: Verb = {
  name: "top",
  summary: "Show what each worker does now: busy slots, waiting requests, memory.",
  usage: "[NAME]",
  completes: ["model"],
  async run(invocation) {
    const place = await wantCluster(invocation);
    const [name] = invocation.words;
    const selector = name === undefined ? labels.model : `${labels.model}=${name}`;
    const pods = await place.cluster.list(kinds.pod, {
      namespace: place.namespace,
      labels: selector,
    });
    const rows = (await Promise.all(pods.map(pod => askWorker(place, pod)))).flat();
    show(invocation.streams, invocation.format, rows, {
      human: renderRows,
      names: all => all.map(row => row.pod),
    });
  },
};

/** Through the API server, as a gateway would ask it; a pod that does not answer has a row that says so. */
async function askWorker(
  { cluster, namespace }: ClusterPlace,
  { metadata: { name: pod, labels: own }, status }: KubernetesObject,
): Promise<Row[]> {
  const { phase } = (status ?? {}) as { phase?: string };
  const model = own?.[labels.model] ?? "-";
  const prefix = `/api/v1/namespaces/${namespace}/pods/${pod}:${defaultPorts.main}/proxy`;
  const client = createEngineClient(
    pod,
    ({ method, path, headers }, signal) =>
      cluster.request({ method, path: `${prefix}${path}`, headers }, signal),
    undefined,
  );
  const nothing = {
    pod,
    model,
    busy: 0,
    slots: 0,
    waiting: 0,
    tokensWaiting: 0,
    memoryBytes: undefined,
  };
  if (phase !== "Running") return [{ ...nothing, state: phase?.toLowerCase() ?? "unknown" }];
  try {
    const { models } = await client.json<WorkerModels>("GET", workerPaths.models);
    return models.map(({ name, state, load, memoryBytes }) => ({
      pod,
      model: name,
      state,
      busy: load?.busySlots ?? 0,
      slots: load?.slots ?? 0,
      waiting: load?.waiting ?? 0,
      tokensWaiting: load?.tokensWaiting ?? 0,
      memoryBytes,
    }));
  } catch {
    return [{ ...nothing, state: "silent" }];
  }
}

function renderRows(rows: readonly Row[]): string {
  return renderTable(rows, [
    { title: "POD", cell: row => row.pod },
    { title: "MODEL", cell: row => row.model },
    { title: "STATE", cell: row => row.state },
    { title: "SLOTS", cell: row => `${row.busy}/${row.slots}` },
    { title: "WAITING", cell: row => String(row.waiting) },
    { title: "TOKENS", cell: row => String(row.tokensWaiting) },
    { title: "MEMORY", cell: row => renderBytes(row.memoryBytes) },
  ]);
}
