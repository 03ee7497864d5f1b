/** The logs of a model's pods, together, each line with the pod that said it. */
import { EngineError } from "../../contract/errors.ts";
import { labels } from "../../contract/kubernetes.ts";
import type { Cluster } from "../../kubernetes/cluster.ts";
import { KubernetesError } from "../../kubernetes/errors.ts";
import { kinds } from "../../kubernetes/kinds.ts";
import type { LogsOptions } from "../place.ts";

/** Pods whose logs are followed together at most. */
const podsMax = 16;

export async function* followLogs(
  cluster: Cluster,
  { namespace, model }: { namespace: string; model: string },
  { follow, tail, previous }: LogsOptions,
  signal: AbortSignal,
): AsyncIterable<string> {
  const pods = await cluster.list(kinds.pod, { namespace, labels: `${labels.model}=${model}` });
  if (pods.length === 0)
    throw new EngineError("not_found", `The model "${model}" has no pods now.`, {
      remedy: `See kollama doctor ${model}.`,
    });
  const shown = pods.slice(0, podsMax);
  const sources = shown.map(({ metadata: { name } }) => {
    const lines = cluster.logs({ namespace, name }, { follow, tailLines: tail, previous }, signal);
    return ofOnePod(lines, name, shown.length > 1 ? `${name}  ` : "");
  });
  yield* follow ? interleave(sources) : inOrder(sources);
}

/** A pod that has not begun, or has just gone, must not take the others' lines away: it has one line that says so. */
async function* ofOnePod(
  lines: AsyncIterable<string>,
  name: string,
  prefix: string,
): AsyncIterable<string> {
  try {
    for await (const line of lines) yield `${prefix}${line}`;
  } catch (error) {
    if (!(error instanceof KubernetesError) || ![400, 404].includes(error.apiStatus ?? 0))
      throw error;
    yield `(${name} has no log now: ${error.message})`;
  }
}

async function* inOrder(sources: AsyncIterable<string>[]): AsyncIterable<string> {
  for (const source of sources) yield* source;
}

/** Lines as they come, from whichever source is first. */
async function* interleave(sources: AsyncIterable<string>[]): AsyncIterable<string> {
  const iterators = sources.map(source => source[Symbol.asyncIterator]());
  const next = (at: number) => iterators[at]?.next().then(result => ({ at, result }));
  const waiting = new Map(iterators.map((_, at) => [at, next(at)]));
  while (waiting.size > 0) {
    const first = await Promise.race(waiting.values());
    if (first === undefined) return;
    if (first.result.done === true) {
      waiting.delete(first.at);
      continue;
    }
    yield first.result.value;
    waiting.set(first.at, next(first.at));
  }
}
