/** Scopes that were forgotten lately: a worker that was away then is told when it is back, or when it is opened. */
import type { WorkerBackend } from "./worker-pool.ts";

export interface Forgotten {
  /** Told to all that are open; whoever is not among the usable may not hear it. */
  add(cacheScope: string, opened: readonly WorkerBackend[], usable: readonly WorkerBackend[]): void;
  /** Whoever has not heard of all of them does. */
  tell(usable: readonly WorkerBackend[]): void;
}

/** A conversation has two scopes; each is one short request to a worker that is opened. */
const keptMax = 256;

export function createForgotten(): Forgotten {
  /** By scope, which it was; the oldest first. */
  const kept = new Map<string, number>();
  const heard = new WeakMap<WorkerBackend, number>();
  let last = 0;
  const tell = (usable: readonly WorkerBackend[]) => {
    for (const backend of usable) {
      const before = heard.get(backend) ?? 0;
      if (before === last) continue;
      for (const [scope, which] of kept) if (which > before) backend.forget(scope);
      heard.set(backend, last);
    }
  };
  return {
    add(cacheScope, opened, usable) {
      tell(usable);
      last += 1;
      kept.delete(cacheScope);
      kept.set(cacheScope, last);
      for (const oldest of kept.keys()) {
        if (kept.size <= keptMax) break;
        kept.delete(oldest);
      }
      for (const backend of opened) backend.forget(cacheScope);
      for (const backend of usable) heard.set(backend, last);
    },
    tell,
  };
}
