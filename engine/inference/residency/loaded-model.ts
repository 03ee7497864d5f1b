/** A model in memory with the requests that use it: it is freed when it has been retired and the last of them has ended. */
import type { ModelFile, ModelSpec } from "../../contract/model.ts";
import type { Backend } from "../backend.ts";

export interface LoadedModel {
  readonly spec: ModelSpec;
  readonly file: ModelFile;
  readonly backend: Backend;
  /** Requests that use it now. */
  users(): number;
  /** Begins a use; the function ends it, once. */
  use(): () => void;
  /** No new use comes; frees the memory after the last one. */
  retire(): void;
  /** Frees the memory now, whoever uses it. */
  close(): Promise<void>;
  /** Resolves when the memory is free. */
  readonly closed: Promise<void>;
}

export interface LoadedModelOptions {
  spec: ModelSpec;
  file: ModelFile;
  backend: Backend;
  /** Called whenever the last use has ended. */
  onIdle: () => void;
}

export function createLoadedModel(options: LoadedModelOptions): LoadedModel {
  const { spec, file, backend, onIdle } = options;
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  closed.catch(() => undefined);
  let users = 0;
  let isRetired = false;
  let isClosing = false;

  const close = () => {
    if (!isClosing) {
      isClosing = true;
      backend.close().then(resolve, reject);
    }
    return closed;
  };

  return {
    spec,
    file,
    backend,
    closed,
    close,
    users: () => users,
    use() {
      users += 1;
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        users -= 1;
        if (users > 0) return;
        if (isRetired) void close();
        else onIdle();
      };
    },
    retire() {
      isRetired = true;
      if (users === 0) void close();
    },
  };
}
