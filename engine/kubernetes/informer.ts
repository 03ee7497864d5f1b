/** Informer: a live copy of a kind's objects, kept by a list and a watch that is taken up again whenever it breaks. */
import type { KubernetesObject, ObjectKind } from "../contract/kubernetes.ts";
import type { Clock } from "../kit/clock.ts";
import type { Random } from "../kit/random.ts";
import { backoffMs } from "./backoff.ts";
import type { Informer, Selection, WatchEvent } from "./cluster.ts";
import { KubernetesError, toApiError } from "./errors.ts";
import { collectionPath } from "./kinds.ts";
import { readLines } from "./lines.ts";
import { listPages, selectionQuery, slim } from "./listing.ts";
import type { Transport } from "./transport.ts";

export interface InformerLog {
  debug(message: string, fields?: Record<string, string | number | boolean | undefined>): void;
  warn(message: string, fields?: Record<string, string | number | boolean | undefined>): void;
  error(message: string, fields?: Record<string, string | number | boolean | undefined>): void;
}

export interface InformerOptions {
  transport: Transport;
  kind: ObjectKind;
  selection: Selection;
  onEvent: (event: WatchEvent) => void;
  clock: Clock;
  random: Random;
  log: InformerLog | undefined;
}

/** The server ends a watch after that long, and it is taken up again. */
const watchSeconds = 290;
/** Bookmarks come about every minute; after that much silence beyond the watch's own end it is given up. */
const watchMsMax = (watchSeconds + 30) * 1000;
const lineCharactersMax = 16 * 1024 * 1024;
const backoff = { firstMs: 100, maxMs: 10_000 };

interface RawEvent {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: KubernetesObject & { code?: number };
}

export function createInformer(options: InformerOptions): Informer {
  const { kind, clock, random, log } = options;
  const objects = new Map<string, KubernetesObject>();
  const first = Promise.withResolvers<void>();
  const closing = new AbortController();
  const tell = createTeller(options);
  /** Where the watch goes on; undefined = a list is needed. */
  let version: string | undefined;

  async function list(): Promise<void> {
    const seen = new Set<string>();
    let listed: string | undefined;
    const pages = listPages(options.transport, kind, options.selection, closing.signal);
    for await (const page of pages) {
      listed = page.resourceVersion;
      for (const object of page.items) {
        seen.add(keyOf(object));
        take("modified", object);
      }
    }
    for (const [key, object] of [...objects]) if (!seen.has(key)) take("deleted", object);
    // Only now: a list that broke off is begun anew, or what it had not come to would never be seen.
    version = listed;
    first.resolve();
  }

  function take(type: "modified" | "deleted", object: KubernetesObject): void {
    const key = keyOf(object);
    const known = objects.get(key);
    if (type === "deleted") {
      if (objects.delete(key)) tell({ type, object });
      return;
    }
    if (known?.metadata.resourceVersion === object.metadata.resourceVersion && known) return;
    // Gone and made again while nobody looked: whoever keeps something by its uid has to know.
    if (known && known.metadata.uid !== object.metadata.uid)
      tell({ type: "deleted", object: known });
    const isNew = known === undefined || known.metadata.uid !== object.metadata.uid;
    objects.set(key, object);
    tell({ type: isNew ? "added" : "modified", object });
  }

  async function watch(): Promise<void> {
    const query = selectionQuery(options.selection);
    query.set("watch", "1");
    query.set("allowWatchBookmarks", "true");
    query.set("resourceVersion", version ?? "");
    query.set("timeoutSeconds", String(watchSeconds));
    const path = `${collectionPath(kind, options.selection.namespace)}?${query}`;
    const what = `watch of ${kind.plural}`;
    const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(watchMsMax)]);
    const reply = await options.transport.stream({ method: "GET", path, what, signal });
    try {
      for await (const line of readLines(reply, lineCharactersMax)) {
        if (closing.signal.aborted) return;
        const { type, object } = JSON.parse(line) as RawEvent;
        if (type === "ERROR") throw toApiError(what, object.code ?? 500, JSON.stringify(object));
        version = object.metadata.resourceVersion ?? version;
        if (type === "BOOKMARK") continue;
        take(type === "DELETED" ? "deleted" : "modified", slim(object, kind));
      }
    } finally {
      reply.destroy();
    }
  }

  async function run(): Promise<void> {
    let failures = 0;
    while (!closing.signal.aborted) {
      const startedMs = clock.monotonic();
      try {
        if (version === undefined) await list();
        await watch();
        // A server that ends watches at once must not be asked in a tight loop.
        failures = clock.monotonic() - startedMs < 1000 ? failures + 1 : 0;
      } catch (error) {
        if (closing.signal.aborted) return;
        if (isExpired(error)) version = undefined;
        failures = clock.monotonic() - startedMs > backoff.maxMs ? 1 : failures + 1;
        report(log, kind, error, failures);
      }
      if (failures > 0) await clock.sleep(backoffMs(backoff, failures, random), closing.signal);
    }
  }

  void run();
  return {
    objects,
    synced: () => first.promise,
    close: () => closing.abort(),
  };
}

/** Listeners are others' code: what they throw is written down and changes nothing here. */
function createTeller({ onEvent, kind, log }: InformerOptions): (event: WatchEvent) => void {
  return event => {
    try {
      onEvent(event);
    } catch (error) {
      const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
      log?.error("a listener of a watch failed", { kind: kind.kind, error: why });
    }
  };
}

/** The version is too old to go on from, or the server does not know it (yet). */
function isExpired(error: unknown): boolean {
  if (!(error instanceof KubernetesError)) return false;
  const { apiStatus, apiReason } = error;
  return apiStatus === 410 || apiStatus === 400 || apiReason === "Expired" || apiStatus === 504;
}

function report(
  log: InformerLog | undefined,
  kind: ObjectKind,
  error: unknown,
  failures: number,
): void {
  const fields = { kind: kind.kind, error: error instanceof Error ? error.message : String(error) };
  // The first break is everyday; what lasts is not.
  if (failures === 5) log?.warn("a watch cannot be taken up", fields);
  else log?.debug("a watch broke", fields);
}

export function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
