/** Lists of objects, page by page. */
import type { KubernetesObject, ObjectKind } from "../contract/kubernetes.ts";
import type { Selection } from "./cluster.ts";
import { collectionPath } from "./kinds.ts";
import type { Transport } from "./transport.ts";

const pageLength = 250;

interface ListReply {
  metadata: { resourceVersion: string; continue?: string };
  items: KubernetesObject[] | null;
}

export function selectionQuery({ labels, fields }: Selection): URLSearchParams {
  return new URLSearchParams({
    ...(labels === undefined ? {} : { labelSelector: labels }),
    ...(fields === undefined ? {} : { fieldSelector: fields }),
  });
}

export async function* listPages(
  transport: Transport,
  kind: ObjectKind,
  selection: Selection,
  signal?: AbortSignal,
): AsyncGenerator<{ items: KubernetesObject[]; resourceVersion: string }> {
  const query = selectionQuery(selection);
  query.set("limit", String(pageLength));
  const path = collectionPath(kind, selection.namespace);
  const what = `list of ${kind.plural}`;
  let next: string | undefined;
  do {
    if (next !== undefined) query.set("continue", next);
    const reply = await transport.json<ListReply>({
      method: "GET",
      path: `${path}?${query}`,
      what,
      ...(signal === undefined ? {} : { signal }),
    });
    const { metadata, items } = reply;
    next = metadata.continue || undefined;
    yield {
      items: (items ?? []).map(object => slim(object, kind)),
      resourceVersion: metadata.resourceVersion,
    };
  } while (next !== undefined);
}

/** Items of a list do not say their kind, and who set which field is long and wanted by nobody here. */
export function slim(object: KubernetesObject, kind: ObjectKind): KubernetesObject {
  const { managedFields: _, ...metadata } = object.metadata as KubernetesObject["metadata"] & {
    managedFields?: unknown;
  };
  return { ...object, apiVersion: kind.apiVersion, kind: kind.kind, metadata };
}
